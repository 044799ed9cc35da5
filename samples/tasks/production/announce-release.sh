set -eu
if [ -z "${RELEASES_DIR:-}" ]; then
  echo 'RELEASES_DIR is not set on this worker' >&2
  exit 65
fi
given=$(cat)
# Written beside, then renamed: nobody reads a half of it, and another attempt writes the same again.
printf '%s\n' "$given" > "$RELEASES_DIR/.$LONGSHORE_IDEMPOTENCY_KEY"
mv "$RELEASES_DIR/.$LONGSHORE_IDEMPOTENCY_KEY" "$RELEASES_DIR/$LONGSHORE_IDEMPOTENCY_KEY.json"
printf '{"announced": %s}' "$given" >&3

#!/bin/sh
# Makes the keys and passwords of one instance, as files that the compose files hand to the containers.
set -eu

usage() {
  cat <<'END'
Usage: docker/make-secrets.sh [FOLDER]

  FOLDER  where they go; default: docker/secrets. It must not exist yet.

The folder opens to its owner alone. Keep it, and back it up: it holds the first keys of the instance
(credentials.json: organisation, admin, services), the passwords of its database and broker, and the key
without which secrets in the database cannot be read (encryption_keys).

Example:
  docker/make-secrets.sh && docker compose -f docker/compose.yaml up -d
END
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
folder=${1:-$(dirname "$0")/secrets}
if [ -e "$folder" ]; then
  echo "$folder exists already. Its keys may be in use: move it away to have others made." >&2
  exit 1
fi

random() { head -c "$1" /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
# Containers run as another user: the files open to all, the folder to its owner alone.
put() { printf '%s\n' "$2" > "$folder/$1"; }

umask 022
mkdir -p "$(dirname "$folder")"
mkdir -m 700 "$folder"
postgres=$(random 24)
redis=$(random 24)
put postgres_password "$postgres"
put redis.conf "user default off
user longshore on >$redis ~* &* +@all -@admin +info +config|get +client"
put database_url "postgres://longshore:$postgres@postgres:5432/longshore"
put broker_url "redis://longshore:$redis@redis:6379"
services=
for worker in $(cut -d " " -f 1 "$(dirname "$0")/workers.txt"); do
  key=lsk_svc_$(random 32)
  put "service_key_$worker" "$key"
  services="$services${services:+,}\"$worker\":\"$key\""
done
put encryption_keys "$(head -c 32 /dev/urandom | base64)"
admin=lsk_adm_$(random 32)
api=lsk_org_$(random 32)
put admin_key "$admin"
put credentials.json "{\"organisation\":\"default\",\"api_key\":\"$api\",\"admin_key\":\"$admin\",\"service_keys\":{$services}}"
echo "$folder is ready. The key of organisation default, by which clients call the API: $api"

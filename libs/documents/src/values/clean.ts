const MAX_DEPTH = 100;

/** Text that JSON and PostgreSQL can hold: no NUL, and lone surrogates become U+FFFD. */
export function cleanText(text: string): string {
  const bare = text.includes('\0') ? text.replaceAll('\0', '') : text;
  return bare.isWellFormed() ? bare : bare.toWellFormed();
}

/**
 * A copy of a value that is safe as JSON: texts cleaned, numbers that JSON does not know become null.
 * @throws RangeError when it is nested deeper than 100 levels
 */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null) return null;
  if (depth >= MAX_DEPTH) throw new RangeError(`it is nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth + 1));
  // fromEntries defines properties, so a key such as __proto__ stays a plain key.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [cleanText(key), cleanJson(item, depth + 1)]),
  );
}

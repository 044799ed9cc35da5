import type { JsonValue } from '@longshore/contracts';

/** Deeper values are nobody's data; the database gives up on much deeper ones. */
const MAX_DEPTH = 100;

/** Says why a JSON value cannot be stored and given back unchanged, or null when it can. */
export function complaintAboutJson(value: JsonValue): string | null {
  const waiting: [JsonValue, number][] = [[value, 1]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [item, depth] = next;
    const complaint = complaintAboutItem(item, depth);
    if (complaint !== null) return complaint;
    if (typeof item !== 'object' || item === null) continue;
    const parts = Array.isArray(item) ? item : [...Object.keys(item), ...Object.values(item)];
    for (const part of parts) waiting.push([part, depth + 1]);
  }
  return null;
}

function complaintAboutItem(item: JsonValue, depth: number): string | null {
  if (depth > MAX_DEPTH) return `Must not be nested deeper than ${MAX_DEPTH} levels.`;
  if (typeof item === 'number' && !Number.isFinite(item)) return 'Must not contain numbers beyond 1e308.';
  if (typeof item !== 'string') return null;
  if (item.includes('\0')) return 'Must not contain NUL characters.';
  return item.isWellFormed() ? null : 'Must not contain halves of surrogate pairs.';
}

import { isErrorLike, redactError } from './redact-error.ts';
import { REDACTED, redactText } from './redact-text.ts';
import { isSecretName } from './secret-names.ts';

/** A string is cut here: a log line is no place for a document. */
const LONGEST_TEXT = 16_384;
/** Looked at beyond the cut, so that no secret is cut into something unrecognisable. */
const OVERLAP = 2_048;
const DEEPEST = 8;
const MOST_ENTRIES = 100;
/** In one value altogether, so that wide times deep stays bounded too. */
const MOST_NODES = 2_000;
const MOST_TEXT = 131_072;
const CUT = '[cut]';

/** What one pass has seen and may still look at. */
export interface RedactPass {
  /** The objects above the present one: one of them again is a circle. */
  readonly above: object[];
  nodesLeft: number;
  textLeft: number;
}

/**
 * A copy of the value that JSON can hold and that shows no secret: values under secret names and text that looks like
 * a secret are replaced, errors reduced to name, message, code, status, stack and cause, long text, wide and
 * deep structures cut. Never throws, whatever the value does.
 */
export function redact(value: unknown): unknown {
  return redactValue(value, { above: [], nodesLeft: MOST_NODES, textLeft: MOST_TEXT });
}

/** One node of the value; for the parts of `redact` only. */
export function redactValue(value: unknown, pass: RedactPass): unknown {
  pass.nodesLeft -= 1;
  if (pass.nodesLeft < 0) return CUT;
  try {
    if (typeof value === 'object' && value !== null) return redactObject(value, pass);
    return typeof value === 'string' ? takeText(value, pass) : redactPrimitive(value);
  } catch {
    return '[unreadable]';
  }
}

/** Cut first, then search: the cost is bounded, and what is searched is longer than what is kept. */
export function boundedText(text: string): string {
  const searched = redactText(text.slice(0, LONGEST_TEXT + OVERLAP)).toWellFormed();
  if (text.length <= LONGEST_TEXT) return searched;
  return `${searched.slice(0, LONGEST_TEXT)}… [${text.length} characters]`;
}

function takeText(text: string, pass: RedactPass): string {
  if (pass.textLeft <= 0) return CUT;
  pass.textLeft -= Math.min(text.length, LONGEST_TEXT);
  return boundedText(text);
}

function redactPrimitive(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'symbol') return boundedText(value.toString());
  if (typeof value === 'function') return '[function]';
  return value;
}

function redactObject(value: object, pass: RedactPass): unknown {
  if (pass.above.includes(value)) return '[circular]';
  if (pass.above.length >= DEEPEST) return CUT;
  pass.above.push(value);
  try {
    return redactKnownObject(value, pass);
  } finally {
    pass.above.pop();
  }
}

function redactKnownObject(value: object, pass: RedactPass): unknown {
  if (isErrorLike(value)) return redactError(value, pass);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return boundedText(value.href);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return redactItems(value, value.length, pass);
  if (value instanceof Set) return redactItems(value.values(), value.size, pass);
  if (value instanceof Map) return redactEntries(mapEntries(value), value.size, pass);
  const names = Object.keys(value);
  return redactEntries(propertyEntries(value, names), names.length, pass);
}

function redactItems(items: Iterable<unknown>, size: number, pass: RedactPass): unknown[] {
  const shown: unknown[] = [];
  for (const item of items) {
    if (shown.length >= MOST_ENTRIES || pass.nodesLeft <= 0)
      return [...shown, `[${size - shown.length} more]`];
    shown.push(redactValue(item, pass));
  }
  return shown;
}

type Entry = readonly [name: string, read: () => unknown];

function* mapEntries(map: ReadonlyMap<unknown, unknown>): Iterable<Entry> {
  for (const [key, value] of map) yield [String(key), () => value];
}

function* propertyEntries(value: object, names: readonly string[]): Iterable<Entry> {
  for (const name of names) yield [name, () => (value as Record<string, unknown>)[name]];
}

function redactEntries(entries: Iterable<Entry>, size: number, pass: RedactPass): unknown {
  const shown: Record<string, unknown> = {};
  let count = 0;
  for (const [key, read] of entries) {
    if (count >= MOST_ENTRIES || pass.nodesLeft <= 0) {
      shown['[more]'] = size - count;
      break;
    }
    count += 1;
    const name = takeText(key, pass);
    put(shown, name, redactEntry(name, read, pass));
  }
  return shown;
}

/** Assigned, a key named __proto__ would set the prototype. */
function put(shown: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') shown[name] = value;
  else Object.defineProperty(shown, name, { value, enumerable: true, writable: true, configurable: true });
}

/** A property may be a getter that throws; under a secret name only its absence or a yes or no may be seen. */
function redactEntry(name: string, read: () => unknown, pass: RedactPass): unknown {
  try {
    const value = read();
    if (!isSecretName(name)) return redactValue(value, pass);
    return value === undefined || value === null || typeof value === 'boolean' ? value : REDACTED;
  } catch {
    return '[unreadable]';
  }
}

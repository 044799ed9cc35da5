import type { JsonValue } from '@longshore/contracts';

/** The value cannot be written as JSON; the message says why. */
export class NotJsonError extends Error {
  override readonly name = 'NotJsonError';
}

/** JSON that every part of the platform can store. */
export interface CleanJson {
  /** A copy: what its text says. Made when it is asked for, since a large output is needed as text alone. */
  readonly value: JsonValue;
  /** Length of its text in UTF-8. */
  readonly bytes: number;
  readonly text: string;
}

/** In JSON text both only ever appear as escapes; a false alarm (an escaped backslash before them) costs one walk. */
const SUSPICIOUS = /\\u(?:0000|d[89a-f])/i;

/**
 * What JSON makes of a value: dates become text, NaN and undefined become null. Characters that the database cannot
 * hold (NUL, halves of surrogate pairs) are replaced by U+FFFD.
 * @throws {NotJsonError} for BigInt, circles, or a `toJSON` that throws
 */
export function cleanJson(value: unknown): CleanJson {
  const text = stringify(value);
  return jsonOfText(SUSPICIOUS.test(text) ? JSON.stringify(scrubbed(JSON.parse(text))) : text);
}

/** The same from its text, which must have come from {@link cleanJson}. */
export function jsonOfText(text: string): CleanJson {
  let value: JsonValue | undefined;
  return {
    get value() {
      return (value ??= JSON.parse(text) as JsonValue);
    },
    bytes: Buffer.byteLength(text),
    text,
  };
}

/** Of what only informs: larger than this it is left out. */
const MAX_ADVISORY_BYTES = 64 * 1024;

/** What goes along with a log line or a progress report, which never throw: what is no JSON, or too much of it, is left out. */
export function advisoryJson(value: unknown): JsonValue | null {
  if (value === undefined) return null;
  try {
    const json = cleanJson(value);
    return json.bytes <= MAX_ADVISORY_BYTES ? json.value : null;
  } catch {
    return null;
  }
}

/** The text without what the database cannot hold, cut to a length in UTF-16 units. */
export function cleanText(text: string, maxLength: number): string {
  return scrubText(text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text);
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    throw new NotJsonError((error as Error).message);
  }
}

function scrubText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

function scrubbed(value: unknown): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (Array.isArray(value)) return value.map(scrubbed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrubText(key), scrubbed(item)]));
}

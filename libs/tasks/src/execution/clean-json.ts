import type { JsonValue } from '@longshore/contracts';

/** The value cannot be written as JSON; the message says why. */
export class NotJsonError extends Error {
  override readonly name = 'NotJsonError';
}

/** JSON that every part of the platform can store. */
export interface CleanJson {
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
  let text = stringify(value);
  let parsed: unknown;
  if (SUSPICIOUS.test(text)) {
    parsed = scrubbed(JSON.parse(text));
    text = JSON.stringify(parsed);
  }
  return { value: (parsed ?? JSON.parse(text)) as JsonValue, bytes: Buffer.byteLength(text), text };
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

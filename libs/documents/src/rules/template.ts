import { LONGEST_INSERT, templatePieces } from '@longshore/contracts';

type Scalar = string | number | boolean;

/** The value under these keys; undefined for none, for what is no scalar, and for a text that is empty or too long. */
export function insertAt(customData: unknown, keys: readonly string[]): Scalar | undefined {
  let value: unknown = customData;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  return value.length <= LONGEST_INSERT ? value : undefined;
}

/** A text with its placeholders filled; undefined when one of them has nothing to stand for. */
export function fillText(text: string, customData: unknown): string | undefined {
  return fill(text, customData, String);
}

/** The same for a pattern, in which what is put in stands for itself. */
export function fillPattern(pattern: string, customData: unknown): string | undefined {
  return fill(pattern, customData, (value) => `(?:${literal(String(value))})`);
}

/** A constant, which keeps its type where it is a placeholder and nothing else. */
export function fillConstant(constant: Scalar, customData: unknown): Scalar | undefined {
  if (typeof constant !== 'string') return constant;
  const [first, ...more] = templatePieces(constant);
  const alone = typeof first === 'object' && more.length === 0;
  return alone ? insertAt(customData, first.keys) : fillText(constant, customData);
}

function fill(text: string, customData: unknown, write: (value: Scalar) => string): string | undefined {
  let filled = '';
  for (const piece of templatePieces(text)) {
    const insert = typeof piece === 'string' ? undefined : insertAt(customData, piece.keys);
    if (typeof piece === 'string') filled += piece;
    else if (insert === undefined) return undefined;
    else filled += write(insert);
  }
  return filled;
}

/** No ASCII character but letters, digits and the underscore keeps a meaning of its own. */
function literal(text: string): string {
  return text.replaceAll(
    /[\0-/:-@[-^`{-\x7f]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

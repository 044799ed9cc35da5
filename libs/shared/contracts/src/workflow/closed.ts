import { z } from 'zod';

const NAME = /^[a-zA-Z][a-zA-Z0-9_-]*$/;
const NAME_RULE =
  'a name starts with a letter, goes on with letters, digits, "_" or "-", and has at most 64 characters';

export const nameSchema = z.string().regex(NAME, NAME_RULE).max(64, NAME_RULE);

/** A strict object whose complaint about a key names that key and the ones it knows. */
export function closed<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const keys = issue.keys.map((key) => `"${key}"`).join(', ');
      return `${what} has no key ${keys}; it knows: ${known}`;
    },
  });
}

/** A key without a value (`- read:`) means: with nothing but defaults. */
export function emptyAllowed<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (value === null ? {} : value), schema);
}

/**
 * One of an item or a list of them. Unlike a union it says what is wrong with the one that was meant, at its place.
 * The schema must not change what it accepts: the value passes as it came.
 */
export function oneOrList<Item>(item: z.ZodType<Item>, most: number): z.ZodType<Item | Item[]> {
  const list = z.array(item).min(1).max(most);
  const checked = z.unknown().superRefine((value, context) => {
    const { error } = Array.isArray(value) ? list.safeParse(value) : item.safeParse(value);
    for (const { message, path, ...issue } of error?.issues ?? []) {
      // A key that is not known is told at that key.
      const [key] = issue.code === 'unrecognized_keys' ? issue.keys : [];
      context.addIssue({ code: 'custom', message, path: key === undefined ? path : [...path, key] });
    }
  });
  return checked as unknown as z.ZodType<Item | Item[]>;
}

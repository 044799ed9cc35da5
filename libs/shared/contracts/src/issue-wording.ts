import { z } from 'zod';

/** What is said of a value that is not there. */
export const MISSING = 'is missing';

const NAMES: Readonly<Record<string, string>> = {
  ...{ object: 'an object', record: 'an object', array: 'a list', tuple: 'a list' },
  ...{
    string: 'a string',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    null: 'null',
  },
};

/** The name that whoever writes JSON or YAML has for what is there. */
function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'such a number';
  return NAMES[typeof value] ?? typeof value;
}

/** Words for those who write documents and requests; the library's own are for those who write schemas. Schemas with words of their own keep them. */
z.config({
  customError: ({ code, input, ...issue }) => {
    if (code === 'invalid_type') {
      const wanted = NAMES[issue.expected as string];
      if (input === undefined) return MISSING;
      return wanted === undefined ? undefined : `must be ${wanted}, not ${nameOf(input)}`;
    }
    if (code !== 'invalid_value') return undefined;
    if (input === undefined) return MISSING;
    const values = (issue.values as readonly unknown[]).map((value) => JSON.stringify(value));
    return `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`;
  },
});

import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { validationError } from './errors.ts';

const schema = z.object({
  labels: z.record(z.string(), z.string()),
  names: z.array(z.string()),
  count: z.int(),
  open: z.boolean(),
  kind: z.enum(['s3', 'folder']),
  word: z.literal('none'),
  own: z.string({ error: 'a name is letters and digits' }),
});

function detailsOf(value: unknown): Record<string, string> {
  const { errors } = validationError(schema.safeParse(value).error?.issues ?? []);
  return Object.fromEntries(errors.map(({ attr, detail }) => [attr ?? '', detail]));
}

describe('what is wrong with a value', () => {
  it('is said in the words of JSON and YAML', () => {
    expect(
      detailsOf({ labels: [], names: {}, count: 1.5, open: 'yes', kind: 'ftp', word: 7, own: 3 }),
    ).toEqual({
      labels: 'must be an object, not a list',
      names: 'must be a list, not an object',
      count: 'must be a whole number, not 1.5',
      open: 'must be true or false, not a string',
      kind: 'must be one of "s3", "folder"',
      word: 'must be "none"',
      own: 'a name is letters and digits',
    });
    expect(detailsOf(null)).toEqual({ body: 'must be an object, not null' });
  });

  it('is that it is required where it is not there', () => {
    expect(Object.values(detailsOf({ own: 'a' }))).toEqual(Array(6).fill('This field is required'));
  });
});

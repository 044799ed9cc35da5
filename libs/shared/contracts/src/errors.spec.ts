import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { validationError } from './errors.ts';

describe('a validation error', () => {
  it('names every wrong field, and says of a missing one that it is required', () => {
    const schema = z.object({
      name: z.string(),
      limit: z.int().min(1),
      nested: z.object({ on: z.boolean() }),
    });
    const { error } = schema.safeParse({ limit: 0, nested: {} });
    const { status, body } = validationError(error!.issues);
    expect(status).toBe(400);
    expect(body.type).toBe('validation_error');
    expect(body.errors).toEqual([
      { code: 'required', detail: 'This field is required', attr: 'name' },
      { code: 'invalid', detail: expect.stringContaining('>=1'), attr: 'limit' },
      { code: 'required', detail: 'This field is required', attr: 'nested.on' },
    ]);
  });
});

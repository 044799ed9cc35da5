import { describe, expect, it } from '@jest/globals';
import { validateOutput } from './validate-output.ts';

const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  required: ['number', 'total'],
  additionalProperties: false,
  properties: {
    number: { type: 'string', pattern: '^[A-Z]+-\\d+$' },
    total: { type: 'number', minimum: 0 },
    date: { type: 'string', format: 'date' },
    lines: { type: 'array', items: { type: 'object', required: ['amount'] } },
  },
};

describe('an output', () => {
  it('that fits has no problems', () => {
    expect(validateOutput(schema, { number: 'A-1', total: 3, date: '2026-03-01' })).toEqual([]);
  });

  it('that does not fit has one problem for each complaint, with field and path', () => {
    const output = { number: 'x', date: 'soon', lines: [{}], extra: 1 };
    expect(
      validateOutput(schema, output)
        .map(({ field, message }) => `${field} | ${message}`)
        .sort(),
    ).toEqual([
      'date | date must match format "date" (output schema).',
      'extra | extra is not allowed (output schema).',
      'lines | lines.0.amount is missing (output schema).',
      'number | number must match pattern "^[A-Z]+-\\d+$" (output schema).',
      'total | total is missing (output schema).',
    ]);
  });

  it('is held against a pattern in linear time', () => {
    const evil = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } };
    expect(validateOutput(evil, { a: `${'a'.repeat(50_000)}!` })).toHaveLength(1);
  });

  it('is not accepted by a schema that is none', () => {
    expect(() => validateOutput({ type: 'strng' }, {})).toThrow('schema is invalid');
  });
});

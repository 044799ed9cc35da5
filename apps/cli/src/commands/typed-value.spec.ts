import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '@longshore/contracts';
import { propertyOf, typedValue } from './typed-value.ts';

const text = { type: 'string' };
const optional = { anyOf: [text, { type: 'null' }] };

describe('a value on the command line', () => {
  it.each<[string, JsonValue | undefined, JsonValue]>([
    ['17', text, '17'],
    ['true', text, 'true'],
    ['{"a":1}', text, '{"a":1}'],
    ['"17"', text, '17'],
    ['007', text, '007'],
    ['17', { type: 'integer' }, 17],
    ['1.5', { type: 'number' }, 1.5],
    ['many', { type: 'integer' }, 'many'],
    ['true', { type: 'boolean' }, true],
    ['{"a":1}', { type: 'object' }, { a: 1 }],
    ['[1]', { type: 'array', items: text }, [1]],
    ['17', { type: 'object' }, 17],
    ['17', { type: ['string', 'null'] }, '17'],
    ['null', { type: ['string', 'null'] }, null],
    ['17', optional, '17'],
    ['null', optional, null],
    ['17', { type: ['string', 'number'] }, 17],
    ['1', { enum: ['1', '2'] }, '1'],
    ['1', { enum: ['small', 1] }, 1],
    ['1', { const: '1' }, '1'],
    ['17', { anyOf: [text, { $ref: '#/$defs/x' }] }, 17],
    ['17', { $ref: '#/$defs/x' }, 17],
    ['17', {}, 17],
    ['x=y', undefined, 'x=y'],
    ['[3]', undefined, [3]],
  ])('%s of the schema %j is %j', (spelled, schema, value) => {
    expect(typedValue(spelled, schema)).toStrictEqual(value);
  });

  it('has the schema of its name, where there is one', () => {
    expect(propertyOf({ properties: { id: text } }, 'id')).toBe(text);
    for (const schema of [undefined, true, {}, { properties: [] }, { properties: {} }])
      expect(propertyOf(schema as JsonValue, 'constructor')).toBeUndefined();
  });
});

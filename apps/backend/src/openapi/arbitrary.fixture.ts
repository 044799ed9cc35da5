import fc from 'fast-check';
import type { JsonSchema } from './schemas.ts';

export interface Generation {
  /** What `$ref`s point to, by name. */
  readonly components: Readonly<Record<string, JsonSchema>>;
  /** What members of these names are made of, most of the time: what is there. */
  readonly known: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

const MAX_DEPTH = 8;

/** Values that a JSON Schema describes, as far as it can be read off; what it does not say may turn out invalid. */
export function valuesOf(schema: JsonSchema, generation: Generation, depth = 0): fc.Arbitrary<unknown> {
  if (depth > MAX_DEPTH) return fc.constant(null);
  const inner = (part: unknown) => valuesOf(part as JsonSchema, generation, depth + 1);
  const reference = /^#\/components\/schemas\/(.*)$/.exec(String(schema['$ref'] ?? ''))?.[1];
  if (reference !== undefined) return inner(generation.components[reference]!);
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const choices = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (choices !== undefined) return fc.oneof(...choices.map(inner));
  const { type } = schema;
  if (Array.isArray(type)) return fc.oneof(...type.map((each) => inner({ ...schema, type: each as string })));
  return ofType(schema, { inner, generation });
}

interface Context {
  readonly inner: (part: unknown) => fc.Arbitrary<unknown>;
  readonly generation: Generation;
}

function ofType(schema: JsonSchema, context: Context): fc.Arbitrary<unknown> {
  const bound = (name: string, otherwise: number) => (schema[name] as number | undefined) ?? otherwise;
  switch (schema['type']) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: bound('minimum', -1000), max: Math.min(bound('maximum', 1000), 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min: bound('minimum', -1000), max: bound('maximum', 1000), noNaN: true });
    case 'string':
      return texts(schema);
    case 'array':
      return fc.array(context.inner(schema['items'] ?? {}), {
        minLength: bound('minItems', 0),
        maxLength: Math.min(bound('maxItems', 3), bound('minItems', 0) + 3),
      });
    case 'object':
      return objects(schema, context);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function texts(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema['format'] === 'uuid') return fc.uuid({ version: 7 });
  if (schema['format'] === 'date-time')
    return fc
      .date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString());
  const minLength = (schema['minLength'] as number | undefined) ?? 0;
  const maxLength = Math.min((schema['maxLength'] as number | undefined) ?? 40, minLength + 40);
  if (typeof schema['pattern'] === 'string')
    return fc.stringMatching(new RegExp(schema['pattern'])).map((text) => text.slice(0, maxLength));
  return fc.string({ minLength, maxLength, unit: 'grapheme' });
}

function objects(schema: JsonSchema, { inner, generation }: Context): fc.Arbitrary<unknown> {
  const members = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const arbitraries = members.map(([name, part]) => {
    const known = generation.known[name];
    const values = known === undefined ? inner(part) : fc.oneof({ arbitrary: known, weight: 3 }, inner(part));
    return [name, values] as const;
  });
  const record = fc.record(Object.fromEntries(arbitraries), {
    requiredKeys: (schema['required'] ?? []) as string[],
  });
  const { additionalProperties: others, propertyNames } = schema;
  if (typeof others !== 'object' || others === null) return record;
  const key = texts((propertyNames ?? {}) as JsonSchema);
  return fc
    .tuple(record, fc.dictionary(key, inner(others), { maxKeys: 3 }))
    .map(([named, rest]) => ({ ...rest, ...named }));
}

/** Text that nobody expects: of any characters, and what often goes wrong. */
export const oddTexts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e999',
    'null',
    'NaN',
    '\0',
    '%',
    '../..',
    "'; --",
    '[]',
    '{"a":1}',
    '🦀'.repeat(200),
  ),
);

/** A value with one of its members replaced by something else, removed, or joined by a stranger. */
export function spoiled(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(values, fc.nat(), fc.oneof(fc.jsonValue({ maxDepth: 2 }), oddTexts))
    .map(([value, at, odd]) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return odd;
      const names = [...Object.keys(value), 'stranger'];
      return { ...value, [names[at % names.length]!]: odd };
    });
}

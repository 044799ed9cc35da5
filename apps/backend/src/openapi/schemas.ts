import * as contracts from '@longshore/contracts';
import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;
type Direction = 'input' | 'output';

/** Turns zod schemas into JSON Schemas whose named parts are gathered in one place. */
export interface Schemas {
  /** `owner` names what has no name of its own, and has to be told apart from the same elsewhere. */
  convert(schema: z.ZodType, io: Direction, owner: string): JsonSchema;
  /** What the converted schemas refer to, by name. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

/** Every schema that the contracts export is a component, under its name without the last word. */
export function createSchemas(): Schemas {
  const metadata = namedByExport();
  const components: Record<string, JsonSchema> = {};

  function convert(schema: z.ZodType, io: Direction, owner: string): JsonSchema {
    // Wrapped, because a schema at the top is spelled out even when it has a name.
    const { $defs = {}, properties } = z.toJSONSchema(z.object({ it: schema }), {
      io,
      metadata,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) =>
        tidy(zodSchema as unknown as z.ZodType, jsonSchema as JsonSchema),
    }) as unknown as { $defs?: Record<string, JsonSchema>; properties: { it: JsonSchema } };
    const names = namesOf($defs, { components, io, owner });
    for (const [name, definition] of Object.entries($defs)) {
      components[names.get(name)!] ??= renamed(definition, names);
    }
    return renamed(properties.it, names);
  }

  return { convert, components };
}

/** Names by export, descriptions as they stand at the schemas. */
function namedByExport(): z.core.$ZodRegistry<Record<string, unknown>> {
  const registry = z.registry<Record<string, unknown>>();
  for (const [name, exported] of Object.entries(contracts)) {
    if (!name.endsWith('Schema') || !(exported instanceof z.ZodType)) continue;
    if (
      registry.has(exported) ||
      exported === contracts.jsonSchema ||
      exported === contracts.jsonObjectSchema
    )
      continue;
    const id = name.charAt(0).toUpperCase() + name.slice(1, -'Schema'.length);
    registry.add(exported, { ...z.globalRegistry.get(exported), id });
  }
  const own = registry.get.bind(registry);
  registry.get = (schema) => own(schema) ?? z.globalRegistry.get(schema);
  return registry;
}

/** Leaves out what says nothing to a reader, and says what zod cannot know. */
function tidy(schema: z.ZodType, json: JsonSchema): void {
  delete json['id'];
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  if (json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
  if (json['format'] === 'uuid' || json['format'] === 'date-time') delete json['pattern'];
  if (json['format'] === 'starts_with') delete json['format'];
  if (schema === contracts.jsonObjectSchema) json['type'] = 'object';
  if (schema instanceof z.ZodFile) {
    delete json['format'];
    delete json['contentEncoding'];
    json['contentMediaType'] = 'application/octet-stream';
  }
  // Later releases may answer with more.
  if (schema instanceof z.ZodObject && schema.def.catchall === undefined) delete json['additionalProperties'];
}

interface NamingContext {
  readonly components: Readonly<Record<string, JsonSchema>>;
  readonly io: Direction;
  readonly owner: string;
}

/** The final name of each definition. A schema that reads differently as input and as output stands there twice. */
function namesOf(
  definitions: Readonly<Record<string, JsonSchema>>,
  { components, io, owner }: NamingContext,
): Map<string, string> {
  const plain = new Map(
    Object.keys(definitions).map((name) => [name, name.replace(/^__schema/, `${owner}_`)]),
  );
  const differs = [...plain].some(([name, final]) => {
    const known = components[final];
    return (
      known !== undefined && JSON.stringify(known) !== JSON.stringify(renamed(definitions[name]!, plain))
    );
  });
  if (!differs) return plain;
  const suffix = io === 'input' ? 'Input' : 'Output';
  return new Map([...plain].map(([name, final]) => [name, `${final}${suffix}`]));
}

function renamed(schema: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    if (key !== '$ref' || typeof value !== 'string') return value;
    const name = value.replace('#/$defs/', '');
    return `#/components/schemas/${names.get(name) ?? name}`;
  }) as JsonSchema;
}

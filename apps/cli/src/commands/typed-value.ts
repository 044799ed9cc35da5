import type { JsonValue } from '@longshore/contracts';

type JsonObject = { [key: string]: JsonValue };

/**
 * A value from the command line, in the type that its schema wants: JSON where that is a value of that type, else a text where it may be one. Where
 * the schema does not say, or it is neither, the value is JSON where it can be, else a text; the platform checks it.
 */
export function typedValue(text: string, schema: JsonValue | undefined): JsonValue {
  const types = typesOf(schema);
  const value = jsonIn(text);
  if (value === undefined) return text;
  const isOfType = types === undefined || types.has(typeOf(value));
  return !isOfType && types.has('string') ? text : value;
}

/** The names that JSON Schema has for types; whole numbers are numbers here. Undefined: it does not say. */
function typesOf(schema: JsonValue | undefined): ReadonlySet<string> | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
  const { type, enum: choices, anyOf, oneOf } = schema;
  if (Array.isArray(choices)) return new Set(choices.map(typeOf));
  if (schema['const'] !== undefined) return new Set([typeOf(schema['const'])]);
  if (typeof type === 'string' || Array.isArray(type))
    return new Set([type].flat().map((one) => (one === 'integer' ? 'number' : String(one))));
  const ways = anyOf ?? oneOf;
  if (!Array.isArray(ways)) return undefined;
  const all = ways.map(typesOf);
  return all.includes(undefined) ? undefined : new Set(all.flatMap((each) => [...(each ?? [])]));
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function jsonIn(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** What the input schema of a task says of one of its parameters. */
export function propertyOf(schema: JsonValue | undefined, name: string): JsonValue | undefined {
  const isObject = (value: JsonValue | undefined): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const properties = isObject(schema) ? schema['properties'] : undefined;
  return isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** More complaints than these help nobody. */
const MAX_PROBLEMS = 20;

/**
 * A zod schema that tells this JSON Schema (2020-12), checks with it, and fills in its defaults. Formats are told, and not checked.
 * @throws {TypeError} when it is no schema
 */
export function jsonSchemaInput(schema: JsonSchema): z.ZodType {
  const { $schema: _draft, $id: _id, id: _name, ...content } = schema;
  const validate = compiled(content);
  return z
    .unknown()
    .meta(content)
    .transform((given, context) => {
      // Its defaults are written into what it is given.
      const value: unknown = structuredClone(given);
      if (validate(value)) return value;
      for (const error of (validate.errors ?? []).slice(0, MAX_PROBLEMS)) {
        context.addIssue({ code: 'custom', ...problemOf(error) });
      }
      return z.NEVER;
    });
}

function compiled(content: object): ValidateFunction {
  const options = { ownProperties: true, strict: false, validateFormats: false, logger: false } as const;
  try {
    return new Ajv2020({ ...options, allErrors: true, useDefaults: true }).compile(content);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`is no JSON Schema: ${reason}`, { cause });
  }
}

function problemOf({ instancePath, message = 'does not fit' }: ErrorObject) {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return { path, message };
}

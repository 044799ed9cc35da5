import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FieldProblem } from './rules/found.ts';
import { linearTest } from './rules/regex.ts';

export type OutputSchema = Readonly<Record<string, unknown>>;

/** The output does not matter any more after this many complaints. */
const MAX_PROBLEMS = 50;

/**
 * Prepares an output schema (JSON Schema 2020-12; what older drafts share with it is understood too).
 * @throws Error when it is not a schema
 */
export function compileOutputSchema(schema: OutputSchema): (output: unknown) => FieldProblem[] {
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    code: { regExp: Object.assign((pattern: string) => linearTest(pattern), { code: 'linearTest' }) },
  });
  addFormats.default(ajv);
  const { $schema: _draft, ...content } = schema;
  const validate = ajv.compile(content);
  return (output) => (validate(output) ? [] : (validate.errors ?? []).slice(0, MAX_PROBLEMS).map(toProblem));
}

/** Holds an output against a schema; no problems means that it fits. */
export function validateOutput(schema: OutputSchema, output: unknown): FieldProblem[] {
  return compileOutputSchema(schema)(output);
}

function toProblem({ instancePath, keyword, message = 'does not fit', params }: ErrorObject): FieldProblem {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const missing = keyword === 'required' ? [String(params['missingProperty'])] : [];
  const extra = keyword === 'additionalProperties' ? [String(params['additionalProperty'])] : [];
  const full = [...path, ...missing, ...extra];
  const what = missing.length > 0 ? 'is missing' : extra.length > 0 ? 'is not allowed' : message;
  const where = full.length === 0 ? 'the output' : full.join('.');
  return {
    field: full[0] ?? '',
    reason: 'schema',
    outcome: 'fail',
    message: `${where} ${what} (output schema).`,
  };
}

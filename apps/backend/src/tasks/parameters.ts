import type { JsonValue } from '@longshore/contracts';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** A place in the parameters that does not fit, as the client named it. */
export interface ParameterProblem {
  readonly path: string;
  readonly message: string;
}

/** Says what in some parameters does not fit; [] when all does. */
export type CheckParameters = (parameters: { [key: string]: JsonValue }) => ParameterProblem[];

/** More complaints than these help nobody. */
const MAX_PROBLEMS = 20;
/** Larger parameters are told their first problem alone: a list of a million wrong items is as many complaints. */
const MAX_BYTES_FOR_ALL = 64 * 1024;

/**
 * Prepares the input schema of a task type (JSON Schema 2020-12). Formats are left to the task itself, which checks its
 * input once more with what the schema was made from.
 *
 * @throws Error when it is no schema.
 */
export function compileParameters(schema: Readonly<Record<string, unknown>>): CheckParameters {
  const { $schema: _draft, $id: _id, ...content } = schema;
  const first = compile(content, false);
  let all: ValidateFunction | undefined;
  return (parameters) => {
    if (first(parameters)) return [];
    if (JSON.stringify(parameters).length > MAX_BYTES_FOR_ALL) return problemsOf(first);
    all ??= compile(content, true);
    all(parameters);
    return problemsOf(all);
  };
}

function compile(content: object, allErrors: boolean): ValidateFunction {
  const regExp = Object.assign(patternOf, { code: 'patternOf' });
  // What every object inherits is no parameter.
  const options = { ownProperties: true, strict: false, validateFormats: false, logger: false } as const;
  return new Ajv2020({ ...options, allErrors, code: { regExp } }).compile(content);
}

/** Schemas are made from expressions that were written without the `u` flag, too. */
function patternOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

function problemsOf({ errors }: ValidateFunction): ParameterProblem[] {
  return (errors ?? []).slice(0, MAX_PROBLEMS).map(problemOf);
}

function problemOf({
  instancePath,
  keyword,
  message = 'does not fit',
  params,
}: ErrorObject): ParameterProblem {
  const parts = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const missing = keyword === 'required' ? [String(params['missingProperty'])] : [];
  const extra = keyword === 'additionalProperties' ? [String(params['additionalProperty'])] : [];
  const what =
    missing.length > 0
      ? 'This field is required'
      : extra.length > 0
        ? 'This name is not known here'
        : message;
  return { path: ['parameters', ...parts, ...missing, ...extra].join('.').slice(0, 500), message: what };
}

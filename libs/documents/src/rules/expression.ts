import jsonata from 'jsonata';
import { boundFunctions, ExpressionLimitError, isFunction, refuseLarge } from './expression-size.ts';
import type { Findings, Scene } from './found.ts';
import { LinearRegExp } from './linear-reg-exp.ts';

/** Time for one evaluation, in milliseconds. What it does in one step of its own is bounded by the thread that reads. */
const MAX_MS = 2000;
const MAX_DEPTH = 1000;
const MAX_ITEMS = 100_000;

/** An expression that cannot be evaluated on this file. The message follows "its expression". */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}

export type Evaluate = (findings: Findings, value?: unknown) => Promise<unknown>;

/** The language calls what is assigned to it with each result on the way. */
const AFTER_EACH_STEP = Symbol.for('jsonata.__evaluate_exit') as unknown as string;

/** Prepares a JSONata expression. The returned function throws ExpressionError or ExpressionLimitError. */
export function compileExpression(text: string): Evaluate {
  const expression = jsonata(text, {
    timeout: MAX_MS,
    stack: MAX_DEPTH,
    sequence: MAX_ITEMS,
    RegexEngine: LinearRegExp as unknown as RegExpConstructor,
  });
  expression.assign(
    AFTER_EACH_STEP,
    (_node: unknown, _input: unknown, _environment: unknown, result: unknown) => refuseLarge(result),
  );
  return async ({ scene, output }, value) => {
    try {
      const bindings = { ...(await boundFunctions()), ...variablesOf(scene), value };
      return bare(await expression.evaluate(output, bindings));
    } catch (error) {
      throw evaluationError(error);
    }
  };
}

const known = new WeakMap<Scene, Readonly<Record<string, unknown>>>();

/** What every expression may name beside the fields. */
function variablesOf(scene: Scene): Readonly<Record<string, unknown>> {
  let variables = known.get(scene);
  if (variables === undefined) {
    const { kind, mediaType, pageCount, text, metadata = {}, warnings = [] } = scene.document;
    variables = {
      document: {
        kind,
        media_type: mediaType,
        pages: pageCount,
        characters: text.length,
        metadata,
        warnings,
      },
      file: { name: scene.name },
      custom_data: scene.customData ?? undefined,
      text,
    };
    known.set(scene, variables);
  }
  return variables;
}

/** A result without the marks of its evaluation. */
function bare(result: unknown): unknown {
  if (typeof result === 'function' || isFunction(result))
    throw new ExpressionError('gives a function, not a value');
  if (typeof result !== 'object' || result === null) return result ?? undefined;
  return JSON.parse(JSON.stringify(result, (_key, value: unknown) => (isFunction(value) ? null : value)));
}

const LIMITS: Readonly<Record<string, string>> = {
  D1011: `calls itself more than ${MAX_DEPTH} levels deep`,
  D1012: `takes longer than ${MAX_MS / 1000} seconds`,
  D2014: `makes a list of more than ${MAX_ITEMS} items`,
  D2015: `makes a list of more than ${MAX_ITEMS} items`,
};

function evaluationError(error: unknown): Error {
  if (error instanceof ExpressionError || error instanceof ExpressionLimitError) return error;
  const { code = '', message } = error as { code?: string; message?: string };
  const limit =
    LIMITS[code] ?? (error instanceof RangeError ? `takes too much memory (${error.message})` : undefined);
  if (limit !== undefined) return new ExpressionLimitError(limit, { cause: error });
  return new ExpressionError(`cannot be evaluated: ${(message ?? String(error)).replace(/\.$/u, '')}`, {
    cause: error,
  });
}

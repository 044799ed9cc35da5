import jsonata from 'jsonata';

/** An expression that took more than it may have: the file is not worked on any further. */
export class ExpressionLimitError extends Error {
  override readonly name = 'ExpressionLimitError';
}

/**
 * Characters and values that anything on the way to a result may have. What the engine does in one step, such as joining
 * or splitting texts, cannot be stopped at the edge of the heap and would end the whole process: so what enters such a
 * step is kept small.
 */
const MAX_SIZE = 4 * 1024 * 1024;

const TOO_LARGE = `makes or reads something of more than ${MAX_SIZE} characters or values`;

/** Sizes of lists and objects, which never change: something built of known parts is measured by one look at each. */
const sizes = new WeakMap<object, number>();

/** @throws ExpressionLimitError when a value, written out, would be larger than anything may be */
export function refuseLarge(value: unknown): void {
  if (sizeOf(value) > MAX_SIZE) throw new ExpressionLimitError(TOO_LARGE);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null || isFunction(value)) return 1;
  const known = sizes.get(value);
  if (known !== undefined) return known;
  const [parts, keys] = Array.isArray(value)
    ? [value as unknown[], 0]
    : [Object.values(value), keysLength(value)];
  let size = 1 + keys;
  for (const part of parts) {
    size += sizeOf(part);
    if (size > MAX_SIZE) throw new ExpressionLimitError(TOO_LARGE);
  }
  sizes.set(value, size);
  return size;
}

function keysLength(value: object): number {
  return Object.keys(value).reduce((sum, key) => sum + key.length, 0);
}

/** Functions of the language are objects that hold on to all that they can see. */
export function isFunction(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('_jsonata_lambda' in value || '_jsonata_function' in value)
  );
}

interface BuiltIn {
  readonly implementation: (this: unknown, ...given: unknown[]) => unknown;
}

let bound: Promise<Readonly<Record<string, unknown>>> | undefined;

/** The functions of the language that make much of little in one step, each with a look at how much that would be. */
export function boundFunctions(): Promise<Readonly<Record<string, unknown>>> {
  bound ??= Promise.all([
    withBound('pad', ([, width]) => Math.abs(Number(width))),
    withBound('join', ([texts, separator]) => joinedLength(texts, separator)),
  ]).then(Object.fromEntries);
  return bound;
}

async function withBound(
  name: string,
  sizeFor: (given: readonly unknown[]) => number,
): Promise<[string, unknown]> {
  const builtIn = (await jsonata(`$${name}`).evaluate(null)) as BuiltIn;
  const implementation: BuiltIn['implementation'] = function (...given) {
    if (sizeFor(given) > MAX_SIZE) throw new ExpressionLimitError(TOO_LARGE);
    return builtIn.implementation.apply(this, given);
  };
  return [name, { ...builtIn, implementation }];
}

function joinedLength(texts: unknown, separator: unknown): number {
  if (!Array.isArray(texts)) return 0;
  const between = typeof separator === 'string' ? separator.length : 0;
  return (texts as unknown[]).reduce<number>((sum, text) => sum + String(text).length + between, 0);
}

import type { z } from 'zod';
import { readExpression } from './expression.ts';
import { checksOf, sourcesOf, type WorkflowField } from './field.ts';
import type { extractStep } from './steps.ts';

type Extract = z.infer<typeof extractStep>;
type Fields = Readonly<Record<string, WorkflowField>>;
type Path = (string | number)[];

interface Expression {
  /** From the field on. */
  readonly path: Path;
  readonly text: string;
  /** A check is made when all fields are known, so it makes its field wait for none. */
  readonly isCheck: boolean;
}

function expressionsOf(field: WorkflowField): Expression[] {
  const own = (path: Path, { when, compute }: { when?: string | undefined; compute?: string | undefined }) =>
    Object.entries({ when, compute }).flatMap(([key, text]) =>
      text === undefined ? [] : [{ path: [...path, key], text, isCheck: false }],
    );
  const checks = checksOf(field).flatMap(({ expression: text }, index): Expression[] => {
    const path = ['validate', ...(Array.isArray(field.validate) ? [index] : []), 'expression'];
    return text === undefined ? [] : [{ path, text, isCheck: true }];
  });
  const sources = sourcesOf(field).flatMap((source, index) => own(['from', index], source));
  return [...own([], field), ...(field.from === undefined ? [] : sources), ...checks];
}

/** True when what becomes of a file depends on an expression, whose running time nobody knows beforehand. */
export function hasExpressions({ fields, overrides = [] }: Extract): boolean {
  return [fields, ...overrides.map((override) => override.fields ?? {})].some((some) =>
    Object.values(some).some((field) => expressionsOf(field).length > 0),
  );
}

/**
 * The names of fields in an order in which each comes after those that its expressions name; fields that look at all
 * others come last.
 *
 * @throws CircularFieldsError when fields wait for each other
 */
export function orderOfFields(fields: Fields): string[] {
  const order = new Set<string>();
  const visit = (name: string, waiting: readonly string[]): void => {
    const field = fields[name];
    if (order.has(name) || field === undefined) return;
    if (waiting.includes(name))
      throw new CircularFieldsError([...waiting.slice(waiting.indexOf(name)), name]);
    for (const other of namesIn(field).fields) visit(other, [...waiting, name]);
    order.add(name);
  };
  const names = Object.keys(fields);
  for (const name of names.filter((its) => !namesIn(fields[its]!).whole)) visit(name, []);
  for (const name of names) visit(name, []);
  return [...order];
}

/** Fields that need each other's values first; `names` begins and ends with the same one. */
export class CircularFieldsError extends Error {
  override readonly name = 'CircularFieldsError';
  readonly names: readonly string[];

  constructor(names: readonly string[]) {
    super(`${names.join(' needs ')}: fields cannot wait for each other`);
    this.names = names;
  }
}

interface Names {
  readonly fields: ReadonlySet<string>;
  readonly whole: boolean;
}

/** Parsing costs much, and each field is asked again for every set of overrides that may hold together. */
const known = new WeakMap<WorkflowField, Names>();

function namesIn(field: WorkflowField): Names {
  const names = known.get(field) ?? readNames(field);
  known.set(field, names);
  return names;
}

function readNames(field: WorkflowField): Names {
  const all = expressionsOf(field)
    .filter(({ isCheck }) => !isCheck)
    .map(({ text }) => readExpression(text));
  return { fields: new Set(all.flatMap(({ fields }) => [...fields])), whole: all.some(({ whole }) => whole) };
}

/** The fields of a file whose name fits the overrides at these places. */
export function effectiveFields({ fields, overrides = [] }: Extract, matching: readonly number[]): Fields {
  const effective = new Map(Object.entries(fields));
  for (const override of matching.map((index) => overrides[index])) {
    for (const name of override?.remove ?? []) effective.delete(name);
    for (const [name, field] of Object.entries(override?.fields ?? {})) effective.set(name, field);
  }
  return Object.fromEntries(effective);
}

/** Tells what the fields of a step say about each other that cannot be. */
export function checkReferences(extract: Extract, context: z.RefinementCtx): void {
  const { fields, overrides = [] } = extract;
  const places: { path: Path; fields: Fields }[] = [
    { path: ['fields'], fields },
    ...overrides.map((override, index) => ({
      path: ['overrides', index, 'fields'],
      fields: override.fields ?? {},
    })),
  ];
  const known = new Set(places.flatMap((place) => Object.keys(place.fields)));
  const problems = places.flatMap((place) => unknownNames(place, known));
  for (const [index, { remove = [] }] of overrides.entries()) {
    for (const [at, name] of remove.entries()) {
      if (!known.has(name))
        problems.push({ path: ['overrides', index, 'remove', at], message: noField(name, known) });
    }
  }
  problems.push(...circles(extract));
  for (const problem of problems) context.addIssue({ code: 'custom', ...problem });
}

interface Problem {
  readonly path: Path;
  readonly message: string;
}

function unknownNames(
  { path, fields }: { path: Path; fields: Fields },
  known: ReadonlySet<string>,
): Problem[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    expressionsOf(field).flatMap(({ path: inside, text }) =>
      [...readExpression(text).fields]
        .filter((other) => !known.has(other))
        .map((other) => ({ path: [...path, name, ...inside], message: noField(other, known) })),
    ),
  );
}

function noField(name: string, known: ReadonlySet<string>): string {
  const names = [...known];
  const some = names.slice(0, 20).join(', ');
  return `there is no field "${name}"; there are: ${some}${names.length > 20 ? ' and more' : ''}`;
}

/** With each override alone and with all of them; what else may come together is found when such a file is read. */
function circles(extract: Extract): Problem[] {
  const all = (extract.overrides ?? []).map((_override, index) => index);
  const sets = [[], ...all.map((index) => [index]), all];
  const found = new Map<string, Problem>();
  for (const set of sets) {
    try {
      orderOfFields(effectiveFields(extract, set));
    } catch (error) {
      if (!(error instanceof CircularFieldsError)) throw error;
      const [name = ''] = error.names;
      const place = set.findLast((index) => extract.overrides?.[index]?.fields?.[name] !== undefined);
      const path = place === undefined ? ['fields', name] : ['overrides', place, 'fields', name];
      found.set(JSON.stringify(path), { path, message: error.message });
    }
  }
  return [...found.values()];
}

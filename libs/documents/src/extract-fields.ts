import { orderOfFields, sourcesOf, type WorkflowField } from '@longshore/contracts';
import { ExpressionLimitError } from './rules/expression-size.ts';
import { type CompiledField, compileField, type TriedSource } from './rules/field.ts';
import type { FieldProblem, Scene } from './rules/found.ts';
import { compileLabelTests } from './rules/label-tests.ts';
import { localeHabits } from './values/locale-habits.ts';
import { wordings } from './rules/wording.ts';

/** The fields of a workflow, as its `extract` step has them. */
export type WorkflowFields = Readonly<Record<string, WorkflowField>>;

/** One value per field that was found, in the order of the workflow, and what is to be told about them. */
export interface Extraction {
  readonly output: Record<string, unknown>;
  readonly problems: readonly FieldProblem[];
}

/** What was looked at for each field that was looked for, by its name. */
export type Tried = ReadonlyMap<string, readonly TriedSource[]>;

/** With `tried` the caller hears of what was looked at. */
export type ExtractFields = (scene: Scene, tell?: (tried: Tried) => void) => Promise<Extraction>;

/**
 * Prepares fields once for many documents. `written` are the fields as they stand in the workflow; `locale` settles what can be
 * read in two ways.
 * @throws CircularFieldsError when fields wait for each other
 */
export function compileFields(
  fields: WorkflowFields,
  { written = fields, locale }: { written?: WorkflowFields; locale?: string | undefined } = {},
): ExtractFields {
  const habits = localeHabits(locale);
  const tests = compileLabelTests(Object.values(fields).flatMap(labelsOf));
  const compiled = orderOfFields(fields).map((name) =>
    compileField(name, fields[name]!, { tests, habits, written: written[name]! }),
  );
  const names = Object.keys(fields);
  return async (scene, tell) => {
    const output: Record<string, unknown> = {};
    const tried = new Map<string, readonly TriedSource[]>();
    const problems = await run(compiled, scene, { output, tried });
    tell?.(tried);
    const place = new Map(names.map((name, index) => [name, index]));
    const inOrder = (one: FieldProblem, other: FieldProblem) =>
      place.get(one.field)! - place.get(other.field)!;
    return { output: inOrderOf(names, output), problems: problems.toSorted(inOrder) };
  };
}

function labelsOf(field: WorkflowField): readonly string[] {
  return sourcesOf(field).flatMap((source) => {
    if ('label' in source && source.label !== undefined) return wordings(source.label);
    if (!('blocks' in source) || source.blocks === undefined) return [];
    return Object.values(source.blocks).flatMap((part) =>
      typeof part === 'string' || Array.isArray(part) ? wordings(part) : wordings(part.label),
    );
  });
}

/** Finds field after field, then makes their checks. An expression that takes too much ends the work on the file. */
async function run(
  compiled: readonly CompiledField[],
  scene: Scene,
  { output, tried }: { output: Record<string, unknown>; tried: Map<string, readonly TriedSource[]> },
): Promise<FieldProblem[]> {
  const problems: FieldProblem[] = [];
  const findings = { scene, output };
  let current = '';
  try {
    for (const { name, read } of compiled) {
      current = name;
      const outcome = await read(findings);
      tried.set(name, outcome.tried);
      // One by one: a table may have more of them than a call can carry.
      for (const problem of outcome.problems) problems.push(problem);
      if (outcome.value !== undefined) output[name] = outcome.value;
    }
    for (const { name, check } of compiled) {
      current = name;
      if (name in output) problems.push(...(await check(output[name], findings)));
    }
  } catch (error) {
    if (!(error instanceof ExpressionLimitError)) throw error;
    const message = `${current}: its expression ${error.message}.`;
    problems.push({ field: current, reason: 'limit', outcome: 'fail', message });
  }
  return problems;
}

function inOrderOf(names: readonly string[], output: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(names.flatMap((name) => (name in output ? [[name, output[name]]] : [])));
}

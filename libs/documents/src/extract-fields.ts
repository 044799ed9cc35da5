import { orderOfFields, sourcesOf, type WorkflowField } from '@longshore/contracts';
import { ExpressionLimitError } from './rules/expression-size.ts';
import { type CompiledField, compileField } from './rules/field.ts';
import type { FieldProblem, Scene } from './rules/found.ts';
import { compileLabelTests } from './rules/label.ts';
import { wordings } from './rules/wording.ts';

/** The fields of a workflow, as its `extract` step has them. */
export type WorkflowFields = Readonly<Record<string, WorkflowField>>;

/** One value per field that was found, in the order of the workflow, and what is to be told about them. */
export interface Extraction {
  readonly output: Record<string, unknown>;
  readonly problems: readonly FieldProblem[];
}

export type ExtractFields = (scene: Scene) => Promise<Extraction>;

/**
 * Prepares fields once for many documents. `written` are the fields as they stand in the workflow.
 * @throws CircularFieldsError when fields wait for each other
 */
export function compileFields(fields: WorkflowFields, written: WorkflowFields = fields): ExtractFields {
  const tests = compileLabelTests(Object.values(fields).flatMap(labelsOf));
  const compiled = orderOfFields(fields).map((name) =>
    compileField(name, fields[name]!, { tests, written: written[name]! }),
  );
  const names = Object.keys(fields);
  return async (scene) => {
    const output: Record<string, unknown> = {};
    const problems = await run(compiled, scene, output);
    const place = new Map(names.map((name, index) => [name, index]));
    const inOrder = (one: FieldProblem, other: FieldProblem) =>
      place.get(one.field)! - place.get(other.field)!;
    return { output: inOrderOf(names, output), problems: problems.toSorted(inOrder) };
  };
}

function labelsOf(field: WorkflowField): readonly string[] {
  return sourcesOf(field).flatMap((source) =>
    'label' in source && source.label ? wordings(source.label) : [],
  );
}

/** Finds field after field, then makes their checks. An expression that takes too much ends the work on the file. */
async function run(
  compiled: readonly CompiledField[],
  scene: Scene,
  output: Record<string, unknown>,
): Promise<FieldProblem[]> {
  const problems: FieldProblem[] = [];
  const findings = { scene, output };
  let current = '';
  try {
    for (const { name, read } of compiled) {
      current = name;
      const outcome = await read(findings);
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

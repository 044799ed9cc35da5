import type { WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from './document.ts';
import { compileField } from './rules/field.ts';
import { compileLabelTests } from './rules/label.ts';
import type { FieldProblem, FieldResult } from './rules/found.ts';
import { wordings } from './rules/wording.ts';

/** The fields of a workflow, as its `extract` step has them. */
export type WorkflowFields = Readonly<Record<string, WorkflowField>>;

/** One value per field that was found, and a problem per field that was not, though it had to be, or did not convert. */
export interface Extraction {
  readonly output: Record<string, unknown>;
  readonly problems: readonly FieldProblem[];
}

/** Prepares fields once for many documents. */
export function compileFields(fields: WorkflowFields): (document: ReadDocument) => Extraction {
  const labels = Object.values(fields).flatMap((field) =>
    'label' in field && field.label ? wordings(field.label) : [],
  );
  const tests = compileLabelTests(labels);
  const compiled = Object.entries(fields).map(([name, field]) => ({
    name,
    read: compileField(name, field, tests),
  }));
  return (document) => {
    const results = compiled.map(({ name, read }): [string, FieldResult] => [name, read(document)]);
    const found = results
      .filter(([, { value }]) => value !== undefined)
      .map(([name, { value }]) => [name, value]);
    return { output: Object.fromEntries(found), problems: results.flatMap(([, { problems }]) => problems) };
  };
}

/** Finds the fields in one document. A field that is not found has no key in the output. */
export function extractFields(document: ReadDocument, fields: WorkflowFields): Extraction {
  return compileFields(fields)(document);
}

/** What a rule found, best first. Text or, from JSON, any value. */
export type Found = readonly unknown[];

/** Something about one field that did not work out. `message` is a sentence for a person. */
export interface FieldProblem {
  readonly field: string;
  readonly reason: 'missing' | 'conversion' | 'schema';
  readonly message: string;
}

/** What became of one field. A value may come with problems: those of single rows or items. */
export interface FieldResult {
  readonly value?: unknown;
  readonly problems: readonly FieldProblem[];
}

/** A problem with a value that was found, but is not what the field wants. */
export function conversionProblem(field: string, complaint: string): FieldProblem {
  return { field, reason: 'conversion', message: `${field}: ${complaint}.` };
}

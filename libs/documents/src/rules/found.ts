import type { ReadDocument } from '../document.ts';
import type { Place } from './place.ts';
import type { ScoreParts } from './score.ts';

/** One place at which a rule found something. */
export interface Find {
  /** Text or, from JSON and expressions, any value. */
  readonly value: unknown;
  /** Where it stands. Worked out only when somebody asks. */
  readonly place?: (() => Place | undefined) | undefined;
  /** The lines that a text of several consists of. */
  readonly lines?: Found | undefined;
  /** The label as it stands in the document, and how well it leads to the value. */
  readonly label?: { readonly words: string; readonly score: ScoreParts } | undefined;
}

/** What a rule found, best first. */
export type Found = readonly Find[];

/** One file, with what was said of it when it was sent. */
export interface Scene {
  readonly document: ReadDocument;
  /** Name of the file, without a folder. */
  readonly name: string;
  /** What the request gave as `custom_data`, null without. */
  readonly customData: unknown;
}

/** What an expression is evaluated on: the scene, and what was found in it by now. */
export interface Findings {
  readonly scene: Scene;
  readonly output: Readonly<Record<string, unknown>>;
}

/** Something about one field that did not work out. `message` is a sentence for a person. */
export interface Complaint {
  readonly field: string;
  readonly reason: 'missing' | 'conversion' | 'schema' | 'validation' | 'expression' | 'limit';
  readonly message: string;
}

/** A complaint, and what becomes of the file for it. */
export interface FieldProblem extends Complaint {
  /** `fail`: the file counts as failed. `problem`: it is told beside the output. */
  readonly outcome: 'fail' | 'problem';
}

/** What became of one field. A value may come with complaints: those of single rows or items. */
export interface FieldResult {
  readonly value?: unknown;
  readonly complaints: readonly Complaint[];
  /** What the value was made of: one find for a single value, several for a list. */
  readonly used?: Found;
  /** All that was found, also what was not used. */
  readonly found?: Found;
  /** Where the rows of a table stand. */
  readonly rows?: readonly (() => Place | undefined)[];
}

/** A complaint about a value that was found, but is not what the field wants. */
export function conversionComplaint(field: string, complaint: string): Complaint {
  return { field, reason: 'conversion', message: `${field}: ${complaint}.` };
}

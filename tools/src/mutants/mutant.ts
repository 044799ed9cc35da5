import type { Mutation } from './mutation.ts';

/** A defence taken out of the build, and the test that must notice. */
export interface Mutant extends Mutation {
  /** What the defence is called. */
  readonly defence: string;
  /** What the platform does not do any more. */
  readonly takesOut: string;
  /** The row of docs/failure-modes.md that it defends. */
  readonly row: number;
  /** From the checkout's folder. */
  readonly spec: string;
  /** A part of the test's full name; every test that has it is run. */
  readonly test: string;
  /** Whether each run of the whole suite tries it; the others are for `npm run mutants`. */
  readonly always?: true;
}

/** One exact text in one file of this checkout, and what stands there instead while a spec is run without a defence. */
export interface Mutation {
  /** From the checkout's folder. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The file is not any more what the table of mutants says: the entry proves nothing until it is mended. */
export class StaleMutationError extends Error {
  override readonly name = 'StaleMutationError';
}

/** The source with the mutation in it. @throws {StaleMutationError} unless its text is there exactly once */
export function mutated(source: string, { file, from, to }: Mutation): string {
  const [before, after, ...more] = source.split(from);
  if (after !== undefined && more.length === 0) return before + to + after;
  const found = after === undefined ? 'does not hold' : `holds ${more.length + 1} times`;
  throw new StaleMutationError(`${file} ${found} what is to be taken out of it: ${from}`);
}

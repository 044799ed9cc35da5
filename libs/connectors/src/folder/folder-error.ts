/**
 * Why a folder, or one file in it, could not be used. `not_allowed`: outside of the folders that may be used; `missing`: it is not
 * there; `unreadable`, `unwritable`: it is there, and cannot be used; `too_large`: more bytes than allowed; `too_many`: more files
 * than allowed; `changed`: it was written to while it was read.
 */
type FolderProblem =
  'not_allowed' | 'missing' | 'unreadable' | 'unwritable' | 'too_large' | 'too_many' | 'changed';

/** A folder or a file that cannot be used. The message is for people, and names nothing but what they named themselves. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  readonly problem: FolderProblem;

  constructor(problem: FolderProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'this worker may not read it',
  EPERM: 'this worker may not read it',
  ENOENT: 'it is not there any more',
  ELOOP: 'it is a link that leads to itself',
  EISDIR: 'it is a folder',
};

/** A failed read of a file in words; anything that is no file system error passes as it is. */
export function asReadError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof FolderError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const why = WORDS[code] ?? `it cannot be read (${code})`;
  return new FolderError(code === 'ENOENT' ? 'missing' : 'unreadable', why, { cause: error });
}

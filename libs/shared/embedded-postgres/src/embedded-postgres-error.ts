/** What stands in the way of the embedded server; the message of the error says what to do about it. */
export type EmbeddedPostgresProblem =
  | 'in_use'
  | 'disk_full'
  | 'read_only'
  | 'not_permitted'
  | 'wrong_version'
  | 'binaries_missing'
  | 'damaged'
  | 'port_busy'
  | 'start_failed';

/** The one error of this library. Its message is one sentence for a person, with the way out. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly problem: EmbeddedPostgresProblem;

  constructor(problem: EmbeddedPostgresProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** How each cause shows: the errno of Node's own calls, and the words of the C library in PostgreSQL's output. */
const CAUSES = [
  { problem: 'disk_full', codes: ['ENOSPC', 'EDQUOT'], words: /No space left on device|Disk quota exceeded/ },
  { problem: 'read_only', codes: ['EROFS'], words: /Read-only file system/ },
  {
    problem: 'not_permitted',
    codes: ['EACCES', 'EPERM'],
    words: /Permission denied|Operation not permitted/,
  },
] as const;

function sentenceFor(problem: (typeof CAUSES)[number]['problem'], folder: string): string {
  switch (problem) {
    case 'disk_full':
      return `The disk that holds ${folder} is full: free some space and start again.`;
    case 'read_only':
      return `The file system that holds ${folder} is read-only: choose a writable folder with LONGSHORE_HOME.`;
    case 'not_permitted':
      return `This user may not write in ${folder}: give it that right, or choose another folder with LONGSHORE_HOME.`;
  }
}

/** The error of a file operation under `folder` in one sentence; anything unknown comes back as it is. */
export function explainFileError(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const cause = CAUSES.find(({ codes }) => (codes as readonly string[]).includes(code ?? ''));
  if (!cause) return error;
  return new EmbeddedPostgresError(cause.problem, sentenceFor(cause.problem, folder), { cause: error });
}

/** What the output of `initdb` or the server says about a failure, undefined when it names none of the known causes. */
export function explainOutput(output: string, folder: string): EmbeddedPostgresError | undefined {
  const cause = CAUSES.find(({ words }) => words.test(output));
  return (
    cause &&
    new EmbeddedPostgresError(cause.problem, sentenceFor(cause.problem, folder), { cause: output.trim() })
  );
}

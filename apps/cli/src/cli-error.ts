/** What the exit code of a command means; `docs/cli.md` tells the same. */
export const exitCodes = Object.freeze({
  /** It was refused, it failed, or it found something wrong. */
  failed: 1,
  /** The command line is wrong: nothing was sent. */
  usage: 2,
  /** Nobody answers at the address. */
  unreachable: 3,
  /** There is no key, or it was refused. */
  key: 4,
  /** It was accepted and goes on: it had not ended when it was asked for. */
  unfinished: 5,
  /** A file was read, and something that a workflow requires of it is missing or wrong. */
  incomplete: 6,
} as const);

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Something that a person can mend: the message is one sentence and what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(message: string, options: ErrorOptions & { exitCode?: ExitCode } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/** Nobody answered, or somebody in between who says that the platform is not there: asked again later, it may be. */
export class UnansweredError extends CliError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, exitCode: exitCodes.unreachable });
  }
}

/** A command line that cannot be meant: told before anything is sent. */
export function usageError(message: string, options: ErrorOptions = {}): CliError {
  return new CliError(message, { ...options, exitCode: exitCodes.usage });
}

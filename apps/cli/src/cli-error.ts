/** Something that a person can mend: the message is one sentence and what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

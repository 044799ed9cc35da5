import type { UnreadableReason } from '@longshore/documents';

export type ReadingFailure =
  'unreadable' | 'timeout' | 'memory' | 'aborted' | 'bad_definition' | 'crashed' | 'closed';

/**
 * Why a file was not read. `message` is a sentence for a person.
 *
 * The same file will fail again for `unreadable`, `timeout`, `memory` and `bad_definition`; the others come from
 * outside of it.
 */
export class ReadingError extends Error {
  override readonly name = 'ReadingError';
  readonly reason: ReadingFailure;
  /** What is wrong with the file; only with `unreadable`. */
  readonly detail: UnreadableReason | undefined;

  constructor(
    reason: ReadingFailure,
    message: string,
    options: ErrorOptions & { detail?: UnreadableReason } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.detail = options.detail;
  }
}

/** The caller's signal fired, before or while the file was read. */
export function abortedError(signal: AbortSignal | undefined): ReadingError {
  return new ReadingError('aborted', 'Reading was stopped.', { cause: signal?.reason });
}

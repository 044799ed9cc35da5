/** Every reason why a file cannot be read; docs/workflows.md explains each. */
export const UNREADABLE_REASONS = [
  'empty',
  'too_large',
  'too_many_pages',
  'unpacks_too_large',
  'unsupported_type',
  'encrypted',
  'truncated',
  'corrupt',
  'wrong_encoding',
  'no_text',
  'not_recognised',
] as const;

export type UnreadableReason = (typeof UNREADABLE_REASONS)[number];

/** The one error of reading: the same bytes will fail again, and `message` tells a person why. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly reason: UnreadableReason;

  constructor(reason: UnreadableReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

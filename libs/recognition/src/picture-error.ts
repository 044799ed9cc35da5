/** A page that cannot be recognised. `message` is what is wrong with it, as the end of a sentence. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly reason: 'corrupt' | 'not_recognised';

  constructor(reason: 'corrupt' | 'not_recognised', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

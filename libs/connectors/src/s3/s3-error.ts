/**
 * Why a bucket, or one object in it, could not be used. `refused`: the credential, or what it may do, or the guard; `missing`: it is not
 * there; `unavailable`: no connection, or the server is in trouble, so that it may go later; `changed`: it is not what was listed;
 * `unusable`: no object can have such a key; `too_many`: more objects than allowed.
 */
type S3Problem = 'refused' | 'missing' | 'unavailable' | 'changed' | 'unusable' | 'too_many';

/** A bucket or an object that cannot be used. The message is for people and holds no secret. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly problem: S3Problem;

  constructor(problem: S3Problem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** Codes of servers that people can do something about, in words. */
const WORDS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'the server does not know the access key of the credential',
  SignatureDoesNotMatch: 'the secret of the credential is wrong',
  AccessDenied: 'the credential may not do this',
  ExpiredToken: 'the session token of the credential has expired',
  InvalidToken: 'the session token of the credential is wrong',
  NoSuchBucket: 'there is no such bucket',
  NoSuchKey: 'it is not there any more',
  PermanentRedirect: 'the bucket is in another region, or behind another endpoint',
  TemporaryRedirect: 'the bucket is in another region, or behind another endpoint',
  AuthorizationHeaderMalformed: 'the bucket is in another region than the one that is named',
  RequestTimeTooSkewed: 'the clock of this machine and that of the server differ by more than 15 minutes',
};

/** What an answer that is no success is told as. `code` is what the server calls it; a HEAD has none. */
export function s3ErrorOf(status: number, code: string | null, operation: string): S3Error {
  const known = code !== null && Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  const name = code === null || !/^[A-Za-z0-9.]{1,64}$/.test(code) ? `status ${status}` : code;
  const why = known === undefined ? `the server answered ${name}` : `${known} (${name})`;
  return new S3Error(problemOf(status), `${operation}: ${why}`);
}

function problemOf(status: number): S3Problem {
  if (status >= 500 || status === 429 || status === 408) return 'unavailable';
  if (status === 412) return 'changed';
  return status === 404 ? 'missing' : 'refused';
}

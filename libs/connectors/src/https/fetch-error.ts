/**
 * Why a file could not be fetched. `refused`: the guard forbids the address, or its server answered
 * something else than a file; `too_large`: more bytes than allowed; `connection`: no connection, or it broke; `timeout`: too slow.
 */
type FetchProblem = 'refused' | 'too_large' | 'connection' | 'timeout';

/** A file that could not be fetched. The message is for clients: it never holds an address or what a server sent. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly problem: FetchProblem;

  constructor(problem: FetchProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** What a failed connection or stream is told as. An abort keeps its own reason, unless that is a time-out. */
export function asFetchError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof FetchError) return error;
  if (signal.aborted) {
    const { reason } = signal as { reason: unknown };
    const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
    return isTimeout ? new FetchError('timeout', 'it took too long') : reason;
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ETIMEDOUT') return new FetchError('timeout', 'it took too long', { cause: error });
  if (/^Z_|^ERR__ERROR/.test(code ?? '')) {
    return new FetchError('refused', 'what its server sent could not be unpacked', { cause: error });
  }
  return new FetchError('connection', connectionProblem(code ?? ''), { cause: error });
}

function connectionProblem(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its host was not found';
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|SIGNATURE|SSL|TLS/.test(code))
    return 'no secure connection could be made';
  return 'the connection failed or broke';
}

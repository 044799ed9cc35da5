/**
 * Why a table, or one row of it, could not be written. `refused`: the credential, or what it may do, or the guard; `missing`: database,
 * schema or table are not there; `mismatch`: the table is not as it must be; `unavailable`: no connection, or it broke, so that it may
 * go later; `row`: the values of this row alone do not fit.
 */
type TableProblem = 'refused' | 'missing' | 'mismatch' | 'unavailable' | 'row';

/** A table that cannot be written. The message is for people and holds no secret. */
export class TableError extends Error {
  override readonly name = 'TableError';
  readonly problem: TableProblem;

  constructor(problem: TableProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** By the classes of SQLSTATE: what the server complains about. */
function problemOf(code: string): TableProblem {
  const kind = code.slice(0, 2);
  // Data that does not fit, constraints that it breaks, values that are too large for what holds them.
  if (['22', '23'].includes(kind) || code === '54000') return 'row';
  if (kind === '28' || code === '42501') return 'refused';
  if (code === '3D000' || code === '3F000' || code === '42P01') return 'missing';
  if (kind === '42') return 'mismatch';
  return 'unavailable';
}

/** What a failed connection or statement is told as. Anything that is neither passes as it is. */
export function asTableError(error: unknown): unknown {
  if (error instanceof TableError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code))
    return new TableError(problemOf(code), `${firstLine(message)} (${code})`, { cause: error });
  if (/CERT|SIGNATURE|SELF_SIGNED|ISSUER|ALTNAME|HOSTNAME|INVALID_CA|INVALID_PURPOSE|CRL|SSL|TLS/.test(code))
    return new TableError('refused', `no secure connection can be made (${code})`, { cause: error });
  if (message.includes('does not support SSL'))
    return new TableError('refused', 'the server speaks no TLS, and the credential does not say "tls: off"', {
      cause: error,
    });
  if (/^E[A-Z_]+$/.test(code))
    return new TableError('unavailable', `no connection, or it broke (${code})`, { cause: error });
  if (/connection|timeout|terminated/i.test(message))
    return new TableError('unavailable', 'no connection, or it broke', { cause: error });
  return error;
}

function firstLine(message: string): string {
  return message.split('\n')[0]!.slice(0, 300);
}

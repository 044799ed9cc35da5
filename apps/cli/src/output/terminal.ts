/** Where a command writes. Results go to `out`, all that is about them to `err`. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** A line that the next one replaces; nothing where `err` is no terminal. */
  status(line: string): void;
  /** Width of `out`, where it is a terminal. */
  readonly columns?: number | undefined;
}

interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The terminal of this process. */
export function createTerminal(stdout: Sink = process.stdout, stderr: Sink = process.stderr): Terminal {
  let hasStatus = false;
  const clear = (): void => {
    if (hasStatus) stderr.write('\r\u001B[K');
    hasStatus = false;
  };
  return {
    get columns() {
      return stdout.isTTY === true ? stdout.columns : undefined;
    },
    out: (line) => {
      clear();
      stdout.write(`${line}\n`);
    },
    err: (line) => {
      clear();
      stderr.write(`${line}\n`);
    },
    status: (line) => {
      if (stderr.isTTY !== true) return;
      clear();
      stderr.write(line.slice(0, (stderr.columns ?? 80) - 1));
      hasStatus = line !== '';
    },
  };
}

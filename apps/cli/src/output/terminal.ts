import { askPerson } from '../prompt/ask-person.ts';

/** Where a command writes. Results go to `out`, all that is about them to `err`. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** A line that the next one replaces; nothing where `err` is no terminal. */
  status(line: string): void;
  /** Width of `out`, where it is a terminal. */
  readonly columns?: number | undefined;
  /** Asks whoever sits there; not there where nobody does. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
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
    get ask() {
      // The answer of a command may be on its way to a file; questions are about it.
      return stderr === process.stderr
        ? askPerson({ input: process.stdin, output: process.stderr })
        : undefined;
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

import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { askPerson } from '../prompt/ask-person.ts';
import type { Look } from './look.ts';

/** Where a command writes. Results go to `out`, all that is about them to `err`. */
export interface Terminal extends Look {
  out(line: string): void;
  err(line: string): void;
  /** A line that the next one replaces; nothing where `err` is no terminal. */
  status(line: string): void;
  /** How `err` may look; width and colours of the terminal itself are those of `out`. Default: without colours. */
  readonly errorLook?: Look | undefined;
  /** Asks whoever sits there; not there where nobody does. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
}

interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const USUAL_COLUMNS = 80;

/** The terminal of this process. */
export function createTerminal(stdout: Sink = process.stdout, stderr: Sink = process.stderr): Terminal {
  let hasStatus = false;
  const clear = (): void => {
    if (hasStatus) stderr.write('\r\u001B[K');
    hasStatus = false;
  };
  return {
    get columns() {
      // A terminal that was not told how wide it is says 0.
      return stdout.isTTY === true ? stdout.columns || undefined : undefined;
    },
    colours: showsColours(stdout),
    errorLook: { colours: showsColours(stderr) },
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
      stderr.write(line.slice(0, (stderr.columns || USUAL_COLUMNS) - 1));
      hasStatus = line !== '';
    },
  };
}

/** Whether colours are wanted there: on a terminal, as NO_COLOR, FORCE_COLOR and the like tell Node. */
function showsColours(sink: Sink): boolean {
  return sink instanceof Writable && styleText('red', ' ', { stream: sink }) !== ' ';
}

/** Whatever emits events. */
export interface EventSource {
  on(event: string, listener: (given: unknown) => void): unknown;
  off(event: string, listener: (given: unknown) => void): unknown;
}

/** How long a process may take to end by itself once everything in it was stopped, ms. */
const END_MS = 250;

/** What would end a process otherwise than in order. */
const DISTURBANCES = ['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection'];

/** What a process gives and takes: signals and accidents come in, the exit code and last words go out. */
export interface ProcessHost {
  /** Emits SIGTERM, SIGINT, uncaughtException and unhandledRejection. */
  readonly events: EventSource;
  readonly stdin: EventSource & { resume(): unknown; pause(): unknown };
  write(text: string): void;
  writeError(text: string): void;
  /** Ends in order: nothing is left to do. */
  end(code: number): void;
  /** Ends at once, whatever is left. */
  exit(code: number): void;
}

/** The process we are in. */
export function thisProcess(): ProcessHost {
  return {
    events: process,
    stdin: process.stdin,
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    end,
    exit: (code) => process.exit(code),
  };
}

/**
 * Ends this process with this code: by itself where nothing holds it any more, otherwise by force after a quarter of a second.
 * `process.exit` joins the engine's threads, and one of those that waits for a collection waits for the main thread
 * (github.com/nodejs/node/issues/54918): seen in a process that ended while what it had just loaded was compiled. A process that ends by
 * itself takes its heap down first, which wakes them. Whatever disturbs it meanwhile changes nothing about the code.
 */
function end(code: number): void {
  const exit = () => process.exit(code);
  process.exitCode = code;
  for (const event of DISTURBANCES) process.on(event, exit);
  setTimeout(exit, END_MS).unref();
}

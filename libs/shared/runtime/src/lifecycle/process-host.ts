/** Whatever emits events. */
export interface EventSource {
  on(event: string, listener: (given: unknown) => void): unknown;
  off(event: string, listener: (given: unknown) => void): unknown;
}

/** What a process gives and takes: signals and accidents come in, the exit code and last words go out. */
export interface ProcessHost {
  /** Emits SIGTERM, SIGINT, uncaughtException and unhandledRejection. */
  readonly events: EventSource;
  readonly stdin: EventSource & { resume(): unknown; pause(): unknown };
  writeError(text: string): void;
  exit(code: number): void;
}

/** The process we are in. */
export function thisProcess(): ProcessHost {
  return {
    events: process,
    stdin: process.stdin,
    writeError: (text) => void process.stderr.write(text),
    exit: (code) => process.exit(code),
  };
}

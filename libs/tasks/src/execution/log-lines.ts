import type { LogLinesRequest } from '@longshore/contracts';
import type { TaskLog } from '../definition/task-context.ts';
import { advisoryJson, cleanText } from './clean-json.ts';

export type LogLine = Omit<LogLinesRequest['items'][number], 'token'>;

/** What the backend keeps of a run. The line that goes beyond is still sent, so that it can note that there was more. */
const MAX_LINES = 10_000;
const MAX_BYTES = 1024 * 1024;
const MAX_MESSAGE = 10_000;

/**
 * The log of one attempt, within bounds: lines are cleaned and cut, and those beyond what is kept of a run anyway go nowhere, so that they
 * cost next to nothing.
 */
export function limitedLog(write: (line: LogLine) => void): TaskLog {
  let lines = 0;
  let bytes = 0;
  const method =
    (level: LogLine['level']): TaskLog['info'] =>
    (message, fields) => {
      if (lines > MAX_LINES || bytes > MAX_BYTES) return;
      const line = { level, message: cleanText(textOf(message), MAX_MESSAGE), fields: advisoryJson(fields) };
      lines += 1;
      bytes += sizeOfLine(line);
      write(line);
    };
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

/** Bytes, roughly: enough to keep within bounds. */
export function sizeOfLine({ message, fields }: LogLine): number {
  return Buffer.byteLength(message) + (fields === null ? 0 : JSON.stringify(fields).length);
}

/** A log call never throws, whatever it is given. */
function textOf(message: unknown): string {
  try {
    return String(message);
  } catch {
    return 'Something was logged that cannot be written as text';
  }
}

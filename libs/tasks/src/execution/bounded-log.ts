import { redact } from '@longshore/runtime';
import type { TaskLog } from '../definition/task-context.ts';
import type { LogLine } from './log-lines.ts';
import { limitedLog } from './log-lines.ts';

/** The log of one attempt as it may leave this process: within bounds, and without secrets, for its lines are kept and shown. */
export function boundedLog(write: (line: LogLine) => void): TaskLog {
  return limitedLog((line) => write(redact(line) as LogLine));
}

import type { Task } from '../definition/define-task.ts';
import type { TaskContext } from '../definition/task-context.ts';
import { isTaskError, TaskError } from '../definition/task-error.ts';
import { isSoftLimit } from './abort-reasons.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOfError, outcomeOfResult } from './outcome.ts';

/** One attempt: the input is parsed, the handler called, its end told as an outcome. Never rejects. */
export async function carryOut(task: Task, given: unknown, context: TaskContext): Promise<Outcome> {
  // First it is made known that this run is active: its handler may keep the main loop from the start.
  await Promise.resolve();
  const { attempt } = context.run;
  try {
    const parsed = task.parse(given);
    if ('problem' in parsed) {
      throw new TaskError('invalid_input', `The input does not fit: ${parsed.problem}`, { retryable: false });
    }
    return outcomeOfResult(await task.handle(parsed.input, context), task.retry, attempt);
  } catch (error) {
    const { reason } = context.signal as { reason: unknown };
    // A handler that heeds its signal throws whatever its libraries throw then; the limit is what it means.
    const meant = isSoftLimit(reason) && !isTaskError(error) ? reason : error;
    return outcomeOfError(meant, task.retry, attempt);
  }
}

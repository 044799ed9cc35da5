import type { TaskStatus } from '@longshore/contracts';
import type { WebhookHistory } from './check-webhooks.ts';
import { hasEnded, type LedgerEntry, type Status } from './ledger.ts';
import { hasEnded as taskHasEnded, type TaskEntry } from './task-load.ts';

const OF_EXECUTIONS: Partial<Record<Status, string>> = {
  COMPLETED: 'execution.completed',
  ERROR: 'execution.failed',
  STOPPED: 'execution.stopped',
};
const OF_TASKS: Partial<Record<TaskStatus, string>> = {
  finished: 'task.finished',
  failed: 'task.failed',
  cancelled: 'task.cancelled',
};

/** What a webhook must have told of all that the clients know, and what it may tell of. */
export function endingsOf(
  entries: readonly LedgerEntry[],
  tasks: readonly TaskEntry[],
): Pick<WebhookHistory, 'endings' | 'accepted'> {
  const endings = new Map<string, string>();
  for (const { executionIds, last } of entries) {
    if (last !== undefined && hasEnded(last.status))
      endings.set(executionIds[0]!, OF_EXECUTIONS[last.status]!);
  }
  for (const { executionIds, last } of tasks) {
    if (last !== undefined && taskHasEnded(last)) endings.set(executionIds[0]!, OF_TASKS[last.status]!);
  }
  return { endings, accepted: new Set([...entries, ...tasks].flatMap(({ executionIds }) => executionIds)) };
}

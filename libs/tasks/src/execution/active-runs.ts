import type { ClaimedRun, ExecutionContext } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { TaskSet } from '../definition/task-set.ts';
import { TaskError } from '../definition/task-error.ts';
import type { Executed, Execution, TakenBecause } from './execution.ts';
import { startExecution } from './execution.ts';
import { outcomeOfError } from './outcome.ts';
import type { ContextMeans } from './run-context.ts';
import { createRunContext } from './run-context.ts';
import type { Session } from './session-link.ts';

/** The runs whose handlers are at work in this process. */
export interface ActiveRuns {
  readonly size: number;
  /** Monotonic milliseconds at which the first of them reaches its hard limit. */
  readonly hardDeadline: number | undefined;
  /** Never rejects. */
  execute(run: ClaimedRun, execution: ExecutionContext | null, session: Session): Promise<Executed>;
  /** Takes those that are meant from their handlers. */
  take(because: TakenBecause, isMeant?: (run: ClaimedRun, session: Session) => boolean): void;
}

export interface ActiveRunsOptions {
  tasks: TaskSet;
  means: ContextMeans;
  clock: Clock;
  onChange: () => void;
}

export function createActiveRuns({ tasks, means, clock, onChange }: ActiveRunsOptions): ActiveRuns {
  // Not by run id: after a lapse the same run may come back while its old handler has not heeded its signal yet.
  const active = new Map<Execution, Session>();
  return {
    get size() {
      return active.size;
    },
    get hardDeadline() {
      return active.size === 0 ? undefined : Math.min(...active.keys().map((each) => each.hardDeadline));
    },
    execute: async (run, execution, session) => {
      const task = tasks.get(run.task);
      if (task === undefined) return unknownTask(run);
      const context = (signal: AbortSignal) => createRunContext(run, execution, signal, means);
      const started = startExecution({ run, task, clock, context });
      active.set(started, session);
      onChange();
      const executed = await started.ended;
      active.delete(started);
      onChange();
      return executed;
    },
    take: (because, isMeant = () => true) => {
      for (const [execution, session] of active) if (isMeant(execution.run, session)) execution.take(because);
    },
  };
}

function unknownTask(run: ClaimedRun): Executed {
  const error = new TaskError('unknown_task', `This worker has no task ${run.task}`, { retryable: false });
  return { kind: 'finished', outcome: outcomeOfError(error), durationMs: 0 };
}

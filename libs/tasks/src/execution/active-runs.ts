import type { ClaimedRun, ExecutionContext } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { Task } from '../definition/define-task.ts';
import { DEFAULT_BACKOFF } from '../definition/retry-policy.ts';
import type { TaskContext } from '../definition/task-context.ts';
import type { TaskSet } from '../definition/task-set.ts';
import { TaskError } from '../definition/task-error.ts';
import type { TakenBecause } from './abort-reasons.ts';
import { carryOut } from './carry-out.ts';
import type { Executed, Execution, Work } from './execution.ts';
import { startExecution } from './execution.ts';
import { outcomeOfError } from './outcome.ts';
import type { ContextMeans } from './run-context.ts';
import { createRunContext } from './run-context.ts';
import type { Session } from './session-link.ts';

/** The runs whose handlers are at work in this process. */
export interface ActiveRuns {
  readonly size: number;
  /** Monotonic milliseconds at which the first of them reaches its hard limit; of those that ended in this turn of the event loop too. */
  readonly hardDeadline: number | undefined;
  /** Never rejects. */
  execute(run: ClaimedRun, execution: ExecutionContext | null, session: Session): Promise<Executed>;
  /** Takes those that are meant from their handlers. */
  take(because: TakenBecause, isMeant?: (run: ClaimedRun, session: Session) => boolean): void;
}

/** Has attempts carried out in threads and processes of their own. */
export interface IsolatedWork {
  (task: Task, run: ClaimedRun, context: TaskContext): Work;
}

export interface ActiveRunsOptions {
  tasks: TaskSet;
  isolated: IsolatedWork;
  means: ContextMeans;
  clock: Clock;
  onChange: () => void;
}

export function createActiveRuns({ tasks, isolated, means, clock, onChange }: ActiveRunsOptions): ActiveRuns {
  // Not by run id: after a lapse the same run may come back while its old handler has not heeded its signal yet.
  const active = new Map<Execution, Session>();
  const deadline = createDeadline(() => firstDeadline(active.keys()), onChange);
  return {
    get size() {
      return active.size;
    },
    get hardDeadline() {
      return deadline.told;
    },
    execute: async (run, execution, session) => {
      const task = tasks.get(run.task);
      if (task === undefined) return unknownTask(run);
      const work = (signal: () => AbortSignal): Work => {
        const context = createRunContext(run, execution, signal, means);
        if (task.descriptor.isolation !== 'inline') return isolated(task, run, context);
        return { outcome: carryOut(task, run.input, context) };
      };
      const started = startExecution({ run, clock, work });
      active.set(started, session);
      deadline.began(started.hardDeadline);
      const executed = await started.ended;
      active.delete(started);
      deadline.ended();
      return executed;
    },
    take: (because, isMeant = () => true) => {
      for (const [execution, session] of active) if (isMeant(execution.run, session)) execution.take(because);
    },
  };
}

function firstDeadline(executions: Iterable<Execution>): number | undefined {
  let first: number | undefined;
  for (const { hardDeadline } of executions)
    if (first === undefined || hardDeadline < first) first = hardDeadline;
  return first;
}

/** How much earlier than it is, ms, the first deadline may be believed to be until the end of the turn. */
const DEADLINE_SLACK_MS = 100;

/**
 * The first deadline as others are told of it: before a handler that began can keep the main loop, unless what was told holds for it too,
 * and at the end of the turn of the event loop in which one ended. Short runs by the dozen in one turn are told of twice.
 */
function createDeadline(first: () => number | undefined, tell: () => void) {
  let told: number | undefined;
  let telling: NodeJS.Immediate | undefined;
  const tellNow = (): void => {
    told = first();
    tell();
  };
  return {
    get told() {
      return told;
    },
    began: (deadline: number): void => {
      const isStale = telling !== undefined && told !== undefined && deadline - told > DEADLINE_SLACK_MS;
      if (told === undefined || deadline < told || isStale) tellNow();
    },
    ended: (): void => {
      telling ??= setImmediate(() => {
        telling = undefined;
        tellNow();
      });
    },
  };
}

const NO_POLICY = { backoff: DEFAULT_BACKOFF, retryIf: undefined };

function unknownTask(run: ClaimedRun): Executed {
  const error = new TaskError('unknown_task', `This worker has no task ${run.task}`, { retryable: false });
  return { kind: 'finished', outcome: outcomeOfError(error, NO_POLICY, run.attempt), durationMs: 0 };
}

import type { Task } from '../definition/define-task.ts';
import { shareModules } from '../definition/shared-modules.ts';
import { shareMeans, tasksOfFile } from '../definition/task-file.ts';
import { TaskError } from '../definition/task-error.ts';
import { abortReason } from '../execution/abort-reasons.ts';
import { carryOut } from '../execution/carry-out.ts';
import type { Outcome } from '../execution/outcome.ts';
import { outcomeOfError } from '../execution/outcome.ts';
import { DEFAULT_BACKOFF } from '../definition/retry-policy.ts';
import { createIsolatedContext } from './isolated-context.ts';
import type { Asked, FromIsolate, ToIsolate, WireError } from './messages.ts';
import { toWire } from './wire-outcome.ts';

type Told<Type extends ToIsolate['type']> = Extract<ToIsolate, { type: Type }>;

/** The run that is at work here. */
interface Current {
  readonly run: number;
  readonly controller: AbortController;
  readonly calls: Map<number, PromiseWithResolvers<unknown>>;
}

/** What a thread or process of runs does with what it is told: it loads one task file, and carries out one run of it after the other. */
export function serveRuns(send: (message: FromIsolate) => void): (message: ToIsolate) => void {
  let tasks: readonly Task[] = [];
  let current: Current | undefined;

  const load = async ({ file, folders }: Told<'load'>): Promise<void> => {
    try {
      send({ type: 'loading' });
      shareMeans(shareModules, folders);
      tasks = await tasksOfFile(file);
      send({ type: 'loaded' });
    } catch (error) {
      send({ type: 'not_loaded', reason: reasonOf(error, file) });
    }
  };
  const start = async (told: Told<'run'>): Promise<void> => {
    const { run, facts, input } = told;
    const own: Current = { run, controller: new AbortController(), calls: new Map() };
    current = own;
    const { signal } = own.controller;
    const ask = (asked: Asked): Promise<unknown> => {
      const waiting = Promise.withResolvers<unknown>();
      const call = own.calls.size;
      own.calls.set(call, waiting);
      send({ type: 'call', run, call, asked });
      return waiting.promise;
    };
    const { context, close } = createIsolatedContext(told, { run, signal, send, ask });
    const task = tasks.find(({ descriptor }) => descriptor.name === facts.task);
    const outcome = await (task ? carryOut(task, input, context) : notThere(facts.task));
    close();
    send({ type: 'ended', run, outcome: toWire(outcome) });
  };
  return (message) => {
    if (message.type === 'load') return void load(message);
    if (message.type === 'run') return void start(message);
    if (current?.run !== message.run) return;
    if (message.type === 'abort') return current.controller.abort(abortReason(message.cause));
    const waiting = current.calls.get(message.call);
    if ('error' in message) waiting?.reject(revived(message.error));
    else waiting?.resolve(message.value);
  };
}

/** What is wrong, and in which line of the file, where the error knows. */
function reasonOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  const [, behind] = (error.stack ?? '').split(file, 2);
  const line = /^(?:\?[^:\s]*)?:(\d+)/.exec(behind ?? '')?.[1];
  return line === undefined ? error.message : `${error.message} (line ${line})`;
}

/** The file was changed since the worker read it. */
async function notThere(name: string): Promise<Outcome> {
  const error = new TaskError('task_not_loaded', `Its file does not make the task ${name} any more`);
  return outcomeOfError(error, { backoff: DEFAULT_BACKOFF, retryIf: undefined }, 1);
}

function revived({ code, message, retryable }: WireError): Error {
  return code === null ? new Error(message) : new TaskError(code, message, { retryable });
}

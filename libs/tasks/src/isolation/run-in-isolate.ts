import { setImmediate as settled } from 'node:timers/promises';
import type { ClaimedRun } from '@longshore/contracts';
import type { TaskContext } from '../definition/task-context.ts';
import { isTaskError } from '../definition/task-error.ts';
import { abortCause } from '../execution/abort-reasons.ts';
import type { Isolate, IsolateEnd } from './isolate.ts';
import type { Asked, FromIsolate, IsolatedRun, WireError, WireOutcome } from './messages.ts';

/** How a run ended that was carried out elsewhere: its handler's end, or that of the thread or process it was in. */
export type IsolatedEnd =
  | { readonly kind: 'ended'; readonly outcome: WireOutcome }
  | { readonly kind: 'gone'; readonly end: IsolateEnd };

/** Has an isolate load a task file. Resolves to how it ended instead, or to why it does not load; undefined when all is well. */
export function loadIn(
  isolate: Isolate,
  { file, folders }: { file: string; folders: readonly string[] },
  onLoading?: () => void,
): Promise<IsolateEnd | string | undefined> {
  const { promise, resolve } = Promise.withResolvers<IsolateEnd | string | undefined>();
  isolate.listen({
    said: (message) => {
      if (message.type === 'loading') onLoading?.();
      if (message.type === 'loaded') resolve(undefined);
      if (message.type === 'not_loaded') resolve(message.reason);
    },
    wrote: () => undefined,
    gone: resolve,
  });
  isolate.send({ type: 'load', file, folders });
  return promise;
}

/** Has an isolate carry out a run: all that its handler says and asks goes through the context. Never rejects. */
export async function runIn(
  isolate: Isolate,
  run: number,
  { input }: ClaimedRun,
  context: TaskContext,
): Promise<IsolatedEnd> {
  const { promise, resolve } = Promise.withResolvers<IsolatedEnd>();
  const { signal, log } = context;
  isolate.listen({
    said: (message) => {
      if (!('run' in message) || message.run !== run) return;
      if (message.type === 'ended') resolve({ kind: 'ended', outcome: message.outcome });
      else hear(message);
    },
    wrote: (line, stream) => log[stream === 'stdout' ? 'info' : 'warn'](line, { stream }),
    gone: (end) => resolve({ kind: 'gone', end }),
  });
  const hear = (
    message: Exclude<FromIsolate, { type: 'ended' | 'loading' | 'loaded' | 'not_loaded' }>,
  ): void => {
    const { type } = message;
    if (type === 'log') log[message.line.level](message.line.message, fieldsOf(message.line.fields));
    else if (type === 'progress') tell(context, message.progress);
    else
      void answer(message.asked, context).then((its) =>
        isolate.send({ type: 'answer', run, call: message.call, ...its }),
      );
  };
  const abort = (): void => isolate.send({ type: 'abort', run, cause: abortCause(signal.reason) });
  isolate.send({ type: 'run', run, input, ...knownFromTheStart(context) });
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  const end = await promise;
  signal.removeEventListener('abort', abort);
  // What it wrote on its way there comes by another way, and is of this run.
  await settled();
  return end;
}

function knownFromTheStart({ run, execution, file, children }: TaskContext): Omit<IsolatedRun, 'input'> {
  const known = file && { id: file.id, name: file.name, size: file.size, sha256: file.sha256 };
  return { facts: run, execution, file: known, children };
}

function fieldsOf(fields: unknown): Record<string, unknown> | undefined {
  return fields === null ? undefined : (fields as Record<string, unknown>);
}

function tell(
  context: TaskContext,
  { percentage, message, data }: { percentage: number | null; message: string | null; data: unknown },
): void {
  context.progress(percentage, message ?? undefined, data ?? undefined);
}

async function answer(
  asked: Asked,
  context: TaskContext,
): Promise<{ value: unknown } | { error: WireError }> {
  try {
    if (asked.what === 'bytes') return { value: await context.file?.bytes() };
    if (asked.what === 'childOutput') return { value: await context.childOutput(asked.runId) };
    return { value: await context[asked.what]() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const known = isTaskError(error);
    return { error: { code: known ? error.code : null, message, retryable: !known || error.retryable } };
  }
}

import { z } from 'zod';
import type { Clock, HealthChecks, Metrics } from '@longshore/runtime';

/*
 * One of several processes of a worker has no health server of its own: the process that started it asks for its health over the channel
 * between them.
 */

const questionSchema = z.object({ ask: z.enum(['state', 'metrics']), id: z.int() });

const stateSchema = z.object({
  report: z.object({
    healthy: z.boolean(),
    reasons: z.array(z.string()),
    details: z.record(z.string(), z.unknown()),
  }),
  readiness: z.object({ ready: z.boolean(), reason: z.string().exactOptional() }),
});
/** How a process says it is. */
export type ProcessState = z.infer<typeof stateSchema>;

const answerSchema = z.object({ id: z.int(), state: stateSchema.optional(), metrics: z.string().optional() });

/** The end of the channel in the process that is asked: `process` itself, when it was started with one. */
export interface AskedEnd {
  readonly connected?: boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
  send?: ((message: object, done: () => void) => boolean) | undefined;
}

/** Answers until the function that it returns is called. */
export function answerOver(end: AskedEnd, checks: HealthChecks, metrics: Pick<Metrics, 'text'>): () => void {
  const answer = async (message: unknown): Promise<void> => {
    const { success, data } = questionSchema.safeParse(message);
    if (!success) return;
    const { id, ask } = data;
    const told =
      ask === 'metrics'
        ? { metrics: await metrics.text() }
        : { state: { report: await checks.health(), readiness: await checks.ready() } };
    // Whoever asked may be gone meanwhile; the pipe between us tells that to those who have to know.
    if (end.connected === true) end.send?.({ id, ...told }, () => undefined);
  };
  const listen = (message: unknown): void => void answer(message);
  end.on('message', listen);
  return () => void end.off('message', listen);
}

/** The end of the channel that asks. */
export interface AskingEnd {
  /** Undefined when the process cannot be asked or does not answer within the time. */
  state(): Promise<ProcessState | undefined>;
  metrics(): Promise<string | undefined>;
  /** What came over the channel. */
  hear(message: unknown): void;
  /** When it was first asked what it has not answered yet, monotonic milliseconds; undefined while nothing is open. */
  readonly silentSince: number | undefined;
}

/** Less than a second, after which probes usually give up. */
const STATE_WITHIN_MS = 800;
const METRICS_WITHIN_MS = 2_000;

export interface AskOptions {
  send: (message: object) => boolean;
  clock: Clock;
}

/** Asks one process. */
export function createAskingEnd({ send, clock }: AskOptions): AskingEnd {
  const waiting = new Map<number, (answer: z.infer<typeof answerSchema> | undefined) => void>();
  let asked = 0;
  let silentSince: number | undefined;

  const ask = async (what: 'state' | 'metrics', withinMs: number) => {
    const id = (asked += 1);
    if (!send({ ask: what, id })) return undefined;
    const { promise, resolve } = Promise.withResolvers<z.infer<typeof answerSchema> | undefined>();
    const timer = new AbortController();
    waiting.set(id, resolve);
    silentSince ??= clock.monotonic();
    void clock.sleep(withinMs, timer.signal).then(
      () => resolve(undefined),
      () => undefined,
    );
    const answer = await promise;
    timer.abort();
    waiting.delete(id);
    return answer;
  };
  return {
    state: async () => (await ask('state', STATE_WITHIN_MS))?.state,
    metrics: async () => (await ask('metrics', METRICS_WITHIN_MS))?.metrics,
    hear: (message) => {
      const { success, data } = answerSchema.safeParse(message);
      if (!success) return;
      silentSince = undefined;
      waiting.get(data.id)?.(data);
    },
    get silentSince() {
      return silentSince;
    },
  };
}

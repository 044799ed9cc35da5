import type { ClaimedRun } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { TakenBecause } from './abort-reasons.ts';
import { abortReason } from './abort-reasons.ts';
import type { Outcome } from './outcome.ts';

export type Executed =
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly durationMs: number }
  | {
      readonly kind: 'taken';
      readonly because: TakenBecause;
      /** Nothing of its handler goes on. False: inside this process nobody can tell, and nothing can make it end. */
      readonly ended: boolean;
      readonly durationMs: number;
    };

/** A handler at work, here or elsewhere. */
export interface Work {
  /** Never rejects. */
  readonly outcome: Promise<Outcome>;
  /** Ends it by force. Resolves to whether nothing of it is left, in which case the outcome is there too. Undefined where nothing can. Never rejects. */
  readonly kill?: () => Promise<boolean>;
}

/** One attempt at one run. */
export interface Execution {
  readonly run: ClaimedRun;
  /** Monotonic milliseconds at which the hard limit is reached. */
  readonly hardDeadline: number;
  /** Never rejects. */
  readonly ended: Promise<Executed>;
  /** Takes the run from its handler, whose signal aborts. The first reason counts. */
  take(because: TakenBecause): void;
}

/** A reason of its own: making one for every run would be most of what ending it costs. */
const OVER = new Error('the run has ended');

/** How long a handler may take to heed its signal before its slot is used for others. */
const HEED_WITHIN_MS = 10_000;

/** Has the handler of a claimed run started, and holds it to its limits. `work` asks for the signal where it needs one: most runs do not. */
export function startExecution(options: {
  run: ClaimedRun;
  work: (signal: () => AbortSignal) => Work;
  clock: Clock;
}): Execution {
  const { run, clock } = options;
  const startedAt = clock.monotonic();
  let made: AbortController | undefined;
  const controller = (): AbortController => (made ??= new AbortController());
  const { after, clear } = timersOf(clock);
  const { promise: ended, resolve } = Promise.withResolvers<Executed>();
  let because: TakenBecause | undefined;

  const durationMs = (): number => clock.monotonic() - startedAt;
  const conclude = (executed: Executed): void => {
    clearImmediate(arming);
    clear();
    resolve(executed);
  };
  const { outcome, kill } = options.work(() => controller().signal);
  const end = async (why: TakenBecause): Promise<void> => {
    const nothingLeft = (await kill?.()) ?? false;
    conclude({ kind: 'taken', because: why, ended: nothingLeft, durationMs: durationMs() });
  };
  const take = (why: TakenBecause): void => {
    if (because !== undefined) {
      // What was told to end in its own time has none left: its limit or that of the whole process is over.
      if (why === 'released' || why === 'hard_limit') void end(because);
      return;
    }
    because = why;
    controller().abort(abortReason({ because: why }));
    if (why === 'cancelled' || why === 'lapsed') after(HEED_WITHIN_MS, () => void end(why));
    else void end(why);
  };
  const soft = { because: 'soft_limit', limitMs: run.soft_limit_ms } as const;
  // A handler that ends in the turn of the event loop in which it began needs no timers: they would be most of what its run costs.
  const arming = setImmediate(() => {
    after(run.soft_limit_ms - durationMs(), () => controller().abort(abortReason(soft)));
    after(run.hard_limit_ms - durationMs(), () => take('hard_limit'));
  });

  void outcome.then((its) => {
    if (because === undefined) conclude({ kind: 'finished', outcome: its, durationMs: durationMs() });
    else conclude({ kind: 'taken', because, ended: true, durationMs: durationMs() });
  });
  return { run, hardDeadline: startedAt + run.hard_limit_ms, ended, take };
}

/** Timers that are cleared together. */
function timersOf(clock: Clock) {
  let over: AbortController | undefined;
  return {
    after: (ms: number, act: () => void): void => {
      over ??= new AbortController();
      // A sleep that is ended early is one that is not needed any more.
      clock.sleep(ms, over.signal).then(act, () => undefined);
    },
    clear: (): void => over?.abort(OVER),
  };
}

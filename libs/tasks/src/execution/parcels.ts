import type { ClaimedRun } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { ActiveRuns } from './active-runs.ts';
import type { Reporter } from './reporter.ts';
import type { Granted, SessionLink } from './session-link.ts';

/** Ten times what a parcel is meant to take: what it was planned by says nothing of these runs. */
const LONG_PARCEL_MS = 1_000;

export interface ParcelsOptions {
  active: ActiveRuns;
  reporter: Reporter;
  stopping: AbortSignal;
  isCancelled: (run: ClaimedRun) => boolean;
  onHardLimit: (run: ClaimedRun) => void;
  hasFreeSlot: () => boolean;
  clock: Pick<Clock, 'monotonic'>;
  /** For how long a parcel keeps what it has not started from slots that are free, ms. Default 1,000. */
  longParcelMs?: number;
}

export interface Parcels {
  /** Resolves when the runs of the parcel have ended. Their reports may still be under way. */
  carryOut(link: SessionLink, granted: Granted): Promise<void>;
  /** Resolves when what has ended by now is reported, or given up. */
  told(): Promise<unknown>;
}

/**
 * The runs of a parcel one after the other. A report holds up neither the next run nor the next parcel: the slot is free when the runs have
 * ended. Whoever falls behind with reports gets no further parcels, since those untold still count as out at the dispatcher. A parcel that takes
 * long gives back what it has not started as soon as a slot is free: then nothing else waits, and these runs need not either.
 */
export function createParcels(options: ParcelsOptions): Parcels {
  const { active, reporter, stopping, isCancelled, onHardLimit } = options;
  /** Parcels whose runs have ended and whose reports are under way. */
  const untold = new Set<Promise<unknown>>();

  async function carryOut(link: SessionLink, { runs, executions }: Granted): Promise<void> {
    const told: Promise<void>[] = [];
    const waiting = [...runs];
    const watch = watchParcel(options, () => {
      for (const run of waiting.splice(0)) told.push(reporter.release(link, run));
    });
    try {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        if (link.session.signal.aborted) break;
        if (stopping.aborted || isCancelled(run)) {
          told.push(reporter.release(link, run));
          continue;
        }
        const executed = await active.execute(run, executions.get(run.execution_id) ?? null, link.session);
        told.push(reporter.conclude(link, run, executed));
        if (executed.kind === 'taken' && executed.because === 'hard_limit' && !executed.ended)
          onHardLimit(run);
        watch.look();
      }
    } finally {
      watch.end();
    }
    const all = Promise.all(told).finally(() => untold.delete(all));
    untold.add(all);
  }

  return { carryOut, told: () => Promise.all(untold) };
}

/** Gives back, at the latest a moment after a slot became free, what a parcel keeps for too long. A handler may hold up timers: `look` does not wait for them. */
function watchParcel(
  { hasFreeSlot, longParcelMs = LONG_PARCEL_MS, clock }: ParcelsOptions,
  giveBack: () => void,
) {
  const since = clock.monotonic();
  const look = (): void => {
    if (clock.monotonic() - since >= longParcelMs && hasFreeSlot()) giveBack();
  };
  const looking = setInterval(look, longParcelMs);
  return { look, end: () => clearInterval(looking) };
}

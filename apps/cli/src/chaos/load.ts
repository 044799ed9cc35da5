import { ApiError } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import { makeFiles } from './documents.ts';
import {
  type Accepted,
  hasEnded,
  type LedgerEntry,
  outcomeOf,
  recordAnswer,
  recordStatus,
} from './ledger.ts';
import { NotNow, type PublicApi, Refused } from './public-api.ts';
import { createRandom } from './random.ts';

export interface LoadOptions {
  api: PublicApi;
  /** Determines the files, the n-th request's apart from all others'. */
  seed: number;
  clock: Clock;
  /** Every entry is put here before its request is sent. */
  entries: LedgerEntry[];
  /** When nothing new is posted any more. */
  until: AbortSignal;
  /** When what has not ended is given up. */
  giveUp: AbortSignal;
}

const CLIENTS = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const LONGEST_RETRY_AFTER_MS = 5_000;

/**
 * Some clients side by side. Each posts, follows what it posted to its end, and posts again. Resolves when all have ended or
 * were given up.
 */
export async function driveLoad(options: LoadOptions): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, () => runClient(options)));
}

async function runClient(options: LoadOptions): Promise<void> {
  const { clock, entries, until, giveUp, api, seed } = options;
  while (!until.aborted) {
    const random = createRandom(seed ^ Math.imul(entries.length + 1, 0x9e3779b1));
    const tag = `c${entries.length}`;
    const files = makeFiles(tag, random);
    const expected = files.map(({ name, output }) => ({ name, output }));
    const postedAt = clock.monotonic();
    const entry: LedgerEntry = { tag, files: expected, postedAt, executionIds: [], samples: [] };
    entries.push(entry);
    const request = { key: tag, files, waitSeconds: random.next() < 0.25 ? 5 : 0 };
    const posts = random.next() < 0.2 ? 2 : 1;
    await Promise.all(Array.from({ length: posts }, () => post(entry, () => api.post(request), options)));
    if (entry.executionIds.length > 0) await follow(entry, { api, clock, giveUp });
    await clock.sleep(random.between(50, 600), until).catch(() => undefined);
  }
}

/** As the contract says: the same request under the same key until there is an answer. */
export async function post(
  entry: Accepted & { refusal?: string },
  send: () => Promise<string>,
  { clock, giveUp }: Pick<LoadOptions, 'clock' | 'giveUp'>,
): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; !giveUp.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      recordAnswer(entry, await send(), clock.monotonic());
      return;
    } catch (error) {
      if (error instanceof Refused) {
        entry.refusal = error.message;
        return;
      }
      if (giveUp.aborted) return;
      if (!(error instanceof NotNow)) throw error;
      const asked = Math.min(error.retryAfterMs, LONGEST_RETRY_AFTER_MS);
      await clock.sleep(Math.max(asked, pauseMs), giveUp).catch(() => undefined);
    }
  }
}

type Following = Pick<LoadOptions, 'api' | 'clock' | 'giveUp'>;

/** Reads the execution again and again until it has ended. One reading follows the other, so that they are in order. */
export async function follow(entry: LedgerEntry, { api, clock, giveUp }: Following): Promise<void> {
  const id = entry.executionIds[0]!;
  for (let pauseMs = FIRST_PAUSE_MS; !giveUp.aborted; pauseMs = Math.min(pauseMs * 1.3, LONGEST_PAUSE_MS)) {
    try {
      const detail = await api.read(id);
      recordStatus(entry, detail.status, clock.monotonic());
      if (hasEnded(detail.status)) {
        entry.first = outcomeOf(detail);
        return;
      }
    } catch (error) {
      // Said by the platform, not by a broken wire: it does not know what it accepted.
      if (error instanceof ApiError && error.status === 404) {
        entry.vanished = true;
        return;
      }
    }
    await clock.sleep(pauseMs, giveUp).catch(() => undefined);
  }
}

/** Reads everything again when all is over. What cannot be read stays without `last`. */
export async function readAgain(
  entries: readonly LedgerEntry[],
  { api, clock }: Pick<LoadOptions, 'api' | 'clock'>,
) {
  for (const entry of entries) {
    const [id] = entry.executionIds;
    if (id === undefined) continue;
    const detail = await api.read(id).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    });
    if (detail === undefined) continue;
    recordStatus(entry, detail.status, clock.monotonic());
    entry.last = outcomeOf(detail);
  }
}

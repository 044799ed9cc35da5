import type { ExecutionSummary } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import { executionLine } from '../output/execution-lines.ts';
import type { Terminal } from '../output/terminal.ts';

export interface WatchSettings {
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly json: boolean;
  /** Ends it. Default: it goes on until the process is ended. */
  readonly signal?: AbortSignal;
}

const LOOK_EVERY_MS = 1_000;

/** Tells what there is, the oldest first, and then whatever is new or has another status. */
export async function watchExecutions(
  look: () => Promise<readonly ExecutionSummary[]>,
  { terminal, clock, json, signal }: WatchSettings,
): Promise<void> {
  let known = new Map<string, string>();
  while (!signal?.aborted) {
    const found = await look();
    const news = found.filter(({ execution_id: id, status }) => known.get(id) !== status);
    for (const one of news.toReversed())
      terminal.out(json ? JSON.stringify(one) : executionLine(one, terminal));
    // What is no longer among the newest is not told of again, so nothing needs to be kept of it.
    known = new Map(found.map(({ execution_id: id, status }) => [id, status]));
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

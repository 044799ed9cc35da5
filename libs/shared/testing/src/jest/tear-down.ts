import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { nameSharedServer } from '../shared-server/join.ts';

/** Jest loads the modules of set-up and tear-down apart from each other; only the global object is one. */
const kept = globalThis as { longshoreKeeper?: ChildProcess };

/** Remembers what a run has to end. */
export function keepUntilTornDown(keeper: ChildProcess): void {
  kept.longshoreKeeper = keeper;
}

/** Once after a run. */
export default async function tearDown(): Promise<void> {
  nameSharedServer(undefined);
  const keeper = kept.longshoreKeeper;
  if (keeper === undefined || keeper.exitCode !== null) return;
  const ended = once(keeper, 'exit');
  keeper.stdin?.end();
  await ended;
}

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { HealthChecks, Lifecycle } from '@longshore/runtime';

/**
 * To be called when a process has loaded what it needs. Bundles load with a heap that is kept small at the price of speed (tools/src/build.ts): from
 * here on code is compiled for speed again, and with `grows` the space of young objects takes what the work asks for.
 */
export function settleHeap({ grows }: { readonly grows: boolean }): void {
  setFlagsFromString('--no-optimize-for-size');
  if (grows) setFlagsFromString('--semi-space-growth-factor=2');
}

const LOOK_EVERY_MS = 5_000;

export interface RestOptions {
  /** Say how much there is to do (`active_tasks`) and was done (`processed_tasks`). */
  readonly checks: HealthChecks;
  readonly lifecycle: Pick<Lifecycle, 'onStop'>;
  /** Gives memory back. */
  readonly release?: () => void;
  readonly lookEveryMs?: number;
}

/**
 * Gives back what the start and work left behind, once nothing ran between two looks: the engine itself does so only when it needs memory, which
 * an idle process never does. That takes some tenths of a second, once after the start and after each time of work.
 */
export function restWhenIdle({
  checks,
  lifecycle,
  release = releaseHeap,
  lookEveryMs = LOOK_EVERY_MS,
}: RestOptions): void {
  let seen: unknown = 0;
  let rested: unknown;
  const look = async (): Promise<void> => {
    const { active_tasks: active, processed_tasks: processed } = (await checks.health()).details;
    const isIdle = active === 0 && processed === seen;
    seen = processed;
    if (!isIdle || processed === rested) return;
    rested = processed;
    release();
  };
  const looking = setInterval(() => void look(), lookEveryMs);
  lifecycle.onStop('rest of the heap', () => clearInterval(looking));
}

/** The engine hands out its collector only to new contexts, and only after it was told to. */
function releaseHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

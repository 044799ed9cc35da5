import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { onFreshInstance } from '../runs/drain.ts';
import { instanceFolder, type Instance } from '../runs/instance.ts';
import type { PublicApi } from '../runs/public-api.ts';
import type { Servers } from '../runs/servers.ts';
import { partsOf, submit, submitMany, type NewTask } from './client.ts';
import type { Sizes } from './options.ts';

/** A platform of one backend and one general worker on Redis, and a look into its database to check what is claimed. */
export interface Stage {
  readonly instance: Instance;
  readonly api: PublicApi;
  readonly client: pg.Client;
  /** For gates and effects; tasks may write into it. */
  readonly folder: string;
  readonly sizes: Sizes;
}

const LOOK_EVERY_MS = 50;
const STANDS_STILL_MS = 60_000;
/** Dispatches that the platform hands out ahead, for each slot. */
const OUT_PER_SLOT = 2;

/** How many dispatches are out at once at most: taken, or on their way to the worker. */
export function mostOut({ concurrency }: Sizes): number {
  return concurrency * OUT_PER_SLOT;
}

export async function onStage<T>(
  servers: Servers,
  sizes: Sizes,
  use: (stage: Stage) => Promise<T>,
): Promise<T> {
  const folder = await instanceFolder(servers.folder);
  const { concurrency, profile } = sizes;
  const options = {
    ...{ concurrency, profile, folder },
    taskFolders: [join(import.meta.dirname, 'task-files')],
  };
  return onFreshInstance(servers, 'redis', options, (instance, { client }) =>
    use({ instance, api: instance.api, client, folder, sizes }),
  );
}

/** Something that tasks wait at. */
export interface Gate {
  readonly path: string;
  /** @returns when it was opened, ms since 1970 */
  open(): Promise<number>;
}

export function gateIn({ folder }: Stage): Gate {
  const path = join(folder, `gate-${randomUUID()}`);
  return {
    path,
    async open() {
      const at = Date.now();
      await writeFile(path, '');
      return at;
    },
  };
}

/**
 * Takes all slots and all that is handed out ahead: until the gate is opened, everything submitted waits in the database. The last of
 * what is held waits there first, so that nothing of the rest is handed out where it is written.
 */
export async function holdAll(stage: Stage): Promise<Gate> {
  const gate = gateIn(stage);
  const hold = { task_name: 'bench.hold', parameters: { gate: gate.path }, priority: 100 };
  const waits = `select count(*)::int as n from dispatches where pool is null and task = 'bench.hold'`;
  const most = 2 * mostOut(stage.sizes);
  for (let held = 0; (await countOf(stage, waits)) === 0; held += 1) {
    if (held === most) throw new Error(`${held} tasks hold no more than their own slots`);
    await submit(stage.api, hold);
  }
  return gate;
}

/** Resolves when nothing is unfinished. */
export async function settled(stage: Stage): Promise<void> {
  await moved('tasks', () => countOf(stage, 'select count(*)::int as n from live_executions'));
}

async function countOf({ client }: Stage, text: string): Promise<number> {
  return (await client.query<{ n: number }>(text)).rows[0]!.n;
}

/** Resolves when nothing is left. @throws when for a minute it does not become less */
export async function moved(what: string, left: () => Promise<number>): Promise<void> {
  let last = Infinity;
  let movedAt = performance.now();
  for (let n = await left(); n > 0; n = await left()) {
    if (n !== last) movedAt = performance.now();
    last = n;
    if (performance.now() - movedAt > STANDS_STILL_MS) throw new Error(`${n} ${what} stand still`);
    await sleep(LOOK_EVERY_MS);
  }
}

export function noops(count: number, payload: number): NewTask[] {
  const parameters = { payload: 'x'.repeat(payload) };
  return Array.from({ length: count }, () => ({ task_name: 'bench.noop', parameters }));
}

/** Executes tasks until the engine has compiled what they need. */
export async function warmUp(stage: Stage, tasks: readonly NewTask[]): Promise<void> {
  for (const part of partsOf(tasks, stage.sizes.bulk)) await submitMany(stage.api, part);
  await settled(stage);
}

/** @throws unless these are `count` different tasks, and each was started once and succeeded */
export async function checkAllSucceeded(
  { client }: Stage,
  ids: readonly string[],
  count: number,
): Promise<void> {
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int as n from runs where id = any($1::uuid[]) and state = 'succeeded' and starts = 1`,
    [ids],
  );
  const { n } = rows[0]!;
  if (n !== count || new Set(ids).size !== count)
    throw new Error(
      `of ${count} tasks ${new Set(ids).size} were accepted and ${n} succeeded at their first start`,
    );
}

/** When the last of these tasks ended, ms since 1970. */
export async function lastEnd({ client }: Stage, ids: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ at: number }>(
    'select (extract(epoch from max(finished_at)) * 1000)::float8 as at from runs where id = any($1::uuid[])',
    [ids],
  );
  return rows[0]!.at;
}

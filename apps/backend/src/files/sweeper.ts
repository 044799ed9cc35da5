import type { Database } from '../store/database.ts';
import type { FileStore } from './file-store.ts';

/** What no row names after this long belongs to a request or a report that never came to its end. */
const ORPHAN_AGE_MS = 60 * 60_000;
const BATCH = 500;
/** The output of an attempt of a run, and perhaps which of several that it stored. */
const OUTPUT = /^outputs\/([0-9a-f-]{36})-\d+(?:-[0-9a-f-]{36})?$/;

/**
 * Removes temporary files and objects that no row names; the output of an attempt that still runs is kept for its
 * report. Returns how many were removed.
 */
export async function sweepOrphans(database: Database, store: FileStore, nowMs: number): Promise<number> {
  let removed = 0;
  let batch: string[] = [];
  const flush = async () => {
    const orphans = await orphansAmong(database, batch);
    for (const object of orphans) await store.remove(object);
    removed += orphans.length;
    batch = [];
  };
  for await (const { object, temporary } of store.olderThan(new Date(nowMs - ORPHAN_AGE_MS))) {
    if (temporary) {
      await store.remove(object);
      removed += 1;
    } else if (batch.push(object) >= BATCH) await flush();
  }
  await flush();
  return removed;
}

async function orphansAmong(database: Database, objects: readonly string[]): Promise<string[]> {
  const uploads = new Map(objects.flatMap((object) => pairs(object, /^uploads\/([0-9a-f-]{36})$/)));
  const outputs = new Map(objects.flatMap((object) => pairs(object, OUTPUT)));
  const executions = await database.query<{ id: string }>(
    'select id from executions where id = any($1::uuid[])',
    [[...uploads.values()]],
  );
  const runs = await database.query<{ ref: string }>(
    `select output ->> 'ref' as ref from runs where id = any($1::uuid[]) and output ? 'ref'
     union all
     select 'outputs/' || id || '-' || epoch from runs where id = any($1::uuid[]) and state = 'running'`,
    [[...new Set(outputs.values())]],
  );
  const named = new Set([...executions.map(({ id }) => `uploads/${id}`), ...runs.map(({ ref }) => ref)]);
  return [...uploads.keys(), ...outputs.keys()].filter(
    (object) => !named.has(object) && !named.has(attemptOf(object)),
  );
}

function attemptOf(object: string): string {
  return /^outputs\/[0-9a-f-]{36}-\d+(?=-)/.exec(object)?.[0] ?? object;
}

function pairs(object: string, pattern: RegExp): [string, string][] {
  const match = pattern.exec(object);
  return match === null ? [] : [[object, match[1]!]];
}

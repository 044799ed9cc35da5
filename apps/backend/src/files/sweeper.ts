import { whileDeleting } from '../retention/deletion-lock.ts';
import type { Database, SqlClient } from '../store/database.ts';
import type { FileStore } from './file-store.ts';

/** What no row names after this long belongs to a request or a report that never came to its end. */
const ORPHAN_AGE_MS = 60 * 60_000;
const BATCH = 500;
/** The output of an attempt of a run, and perhaps which of several that it stored. */
const OUTPUT = /^outputs\/([0-9a-f-]{36})-\d+(?:-[0-9a-f-]{36})?$/;
/** A request's upload, and an earlier result that it took over: under epoch 0, which no attempt ever has. */
const OF_REQUEST = /^uploads\/[0-9a-f-]{36}$|-0$/;
/** All files of a request together, or one file that a pipeline brought in. */
const UPLOAD = /^uploads\/([0-9a-f-]{36})(?:-[0-9a-f-]{36})?$/;

/**
 * Removes temporary files and objects that no row names; the output of an attempt that still runs is kept for its
 * report. Returns how many were removed. While somebody else holds the deletion lock, a backup say, objects stay for the next
 * pass.
 */
export async function sweepOrphans(database: Database, store: FileStore, nowMs: number): Promise<number> {
  let removed = 0;
  let batch: string[] = [];
  const flush = async () => {
    const orphans = await whileDeleting(database, async (client) => {
      const found = await orphansAmong(client, batch);
      for (const object of found) await store.remove(object);
      return found;
    });
    removed += orphans?.length ?? 0;
    batch = [];
  };
  for await (const { object, temporary } of store.olderThan(new Date(nowMs - ORPHAN_AGE_MS))) {
    if (temporary) {
      await store.remove(object);
      removed += 1;
    } else if (batch.push(object) >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return removed;
}

async function orphansAmong(client: SqlClient, objects: readonly string[]): Promise<string[]> {
  const { uploads, outputs } = byOwner(objects);
  const { rows: kept } = await client.query<{ object: string }>(
    `select 'uploads/' || id as object from executions where id = any($1::uuid[])
     union all
     select object from files where execution_id = any($1::uuid[]) and object = any($2::text[])`,
    [[...uploads.values()], [...uploads.keys()]],
  );
  const { rows: runs } = await client.query<{ ref: string }>(
    `select output ->> 'ref' as ref from runs where id = any($1::uuid[]) and output ? 'ref'
     union all
     select 'outputs/' || id || '-' || epoch from runs where id = any($1::uuid[]) and state = 'running'`,
    [[...new Set(outputs.values())]],
  );
  const named = new Set([...kept.map(({ object }) => object), ...runs.map(({ ref }) => ref)]);
  return [...uploads.keys(), ...outputs.keys()].filter(
    (object) => !named.has(object) && !named.has(attemptOf(object)),
  );
}

/**
 * Walks through all objects for those whose execution or run is gone. What an attempt stored without a run left is removed at
 * once. What a request brings is named a moment before its rows are committed: that is only counted, if it was begun
 * before `since`; the sweeper removes it once it is old enough. Returns that count.
 */
export async function clearStrayObjects(database: Database, store: FileStore, since: Date): Promise<number> {
  let left = 0;
  let batch: string[] = [];
  const flush = async () => {
    const strays = await straysAmong(database, batch);
    for (const object of strays.ofAttempts) await store.remove(object);
    left += strays.ofRequests.filter((id) => momentOf(id) <= since.getTime()).length;
    batch = [];
  };
  const everything = new Date(8_640_000_000_000_000);
  for await (const { object, temporary } of store.olderThan(everything)) {
    if (!temporary && batch.push(object) >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return left;
}

async function straysAmong(database: Database, objects: readonly string[]) {
  const { uploads, outputs } = byOwner(objects);
  const known = async (table: string, ids: Iterable<string>): Promise<Set<string>> => {
    const rows = await database.query<{ id: string }>(`select id from ${table} where id = any($1::uuid[])`, [
      [...new Set(ids)],
    ]);
    return new Set(rows.map(({ id }) => id));
  };
  const executions = await known('executions', uploads.values());
  const runs = await known('runs', outputs.values());
  const forsaken = [
    ...[...uploads].filter(([, id]) => !executions.has(id)),
    ...[...outputs].filter(([, id]) => !runs.has(id)),
  ];
  return {
    ofAttempts: forsaken.filter(([object]) => !OF_REQUEST.test(object)).map(([object]) => object),
    ofRequests: forsaken.filter(([object]) => OF_REQUEST.test(object)).map(([, id]) => id),
  };
}

/** The millisecond that a UUID v7 begins with. */
function momentOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function byOwner(objects: readonly string[]) {
  return {
    uploads: new Map(objects.flatMap((object) => pairs(object, UPLOAD))),
    outputs: new Map(objects.flatMap((object) => pairs(object, OUTPUT))),
  };
}

function attemptOf(object: string): string {
  return /^outputs\/[0-9a-f-]{36}-\d+(?=-)/.exec(object)?.[0] ?? object;
}

function pairs(object: string, pattern: RegExp): [string, string][] {
  const match = pattern.exec(object);
  return match === null ? [] : [[object, match[1]!]];
}

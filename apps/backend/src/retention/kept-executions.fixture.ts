import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, uuidV7 } from '@longshore/runtime';
import { openFileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import { ended, type TestModel } from '../testing/model.ts';
import type { RetentionHours } from './policy.ts';
import { createRetention } from './retention-job.ts';

/** The platform's periods, as they are by default. */
export const DEFAULTS: RetentionHours = { uploads: 24, results: 30 * 24, logs: 7 * 24, history: 90 * 24 };

/** A file store of a test's own and the retention job on it. */
export async function createKeeper(database: Database) {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-retention-'));
  const store = await openFileStore(folder);
  const dependencies = { database, store, clock: systemClock, logger: silentLogger() };
  return {
    folder,
    store,
    dependencies,
    retain: (keep: Partial<RetentionHours> = {}) =>
      createRetention(dependencies, { ...DEFAULTS, ...keep })(new AbortController().signal),
    /** Names of all stored objects, sorted. */
    objects: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      return files.map((file) => join(file.parentPath, file.name).slice(folder.length + 1)).sort();
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
export type Keeper = Awaited<ReturnType<typeof createKeeper>>;

async function put(keeper: Keeper, object: string): Promise<void> {
  const pending = await keeper.store.begin(object);
  await pending.append(Buffer.from('bytes'));
  await pending.commit();
}

/** What `accept` writes beside the runs. */
async function putRequest({ database }: TestModel, keeper: Keeper, id: string, organisationId: string) {
  await database.query(
    `insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, include_metadata, include_metrics,
                             include_extracted_text)
     values ($1, $2, $3, $3, '{}', false, false, false)`,
    [id, organisationId, randomUUID()],
  );
  await database.query(
    `insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
     values ($1, $2, $3, 0, 'a.txt', 5, 'x', $4, 0)`,
    [uuidV7(), id, organisationId, `uploads/${id}`],
  );
  await put(keeper, `uploads/${id}`);
}

/**
 * An execution that went through the model to its end: a plan with two files, of which one left its output in the store, each
 * with a log line, and a continuation.
 */
export async function runExecution(model: TestModel, keeper: Keeper): Promise<string> {
  const session = await model.session();
  const id = await model.submit('plan');
  await putRequest(model, keeper, id, model.organisationId);
  const [plan] = await model.claimAll(session);
  await model.report([ended.inChildren(plan!, ['a', 'b'])]);
  const [inline, stored] = await model.claimAll(session);
  const ref = `outputs/${stored!.run_id}-${stored!.epoch}-${randomUUID()}`;
  await put(keeper, ref);
  await model.journal.log(
    [inline!, stored!].map(({ token }) => ({ token, level: 'info', message: 'read', fields: null })),
  );
  await model.report([
    ended.well(inline!, { output: { total: 12 }, extracted_text: 'secret text' }),
    { ...ended.well(stored!), output: { ref, size: 5 } },
  ]);
  const [finish] = await model.claimAll(session);
  await model.report([ended.well(finish!, { done: true })]);
  return id;
}

/** An execution of which the plan runs: it has not ended. */
export async function beginExecution(model: TestModel, keeper: Keeper): Promise<string> {
  const session = await model.session();
  const id = await model.submit('plan');
  await putRequest(model, keeper, id, model.organisationId);
  const [plan] = await model.claimAll(session);
  await model.journal.log([{ token: plan!.token, level: 'info', message: 'begun', fields: null }]);
  return id;
}

/** Lets it have ended this much earlier, or at least have begun, by the database's clock. */
export async function age(database: Database, id: string, hours: number): Promise<void> {
  const interval = `interval '1 hour' * ${hours}`;
  await database.query(`update ended_executions set ended_at = ended_at - ${interval} where id = $1`, [id]);
  await database.query(
    `update runs set created_at = created_at - ${interval}, finished_at = finished_at - ${interval} where root_id = $1`,
    [id],
  );
}

/** A UUID v7 of this moment. */
export function idAt(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${randomUUID().slice(13)}`.replace(
    /^(.{14})./,
    (_whole, front: string) => `${front}7`,
  );
}

export interface ManyOptions {
  readonly organisationId: string;
  readonly count: number;
  /** Spread over the time from here … */
  readonly from: Date;
  /** … to here; each ends a minute after its beginning. */
  readonly to: Date;
  /** File runs of each. Default 3; with the plan and its continuation that makes two more. */
  readonly files?: number;
}

/** Rows of many ended executions at once, as the model leaves them. Answers with their ids in order. */
export async function putMany(
  database: Database,
  { organisationId, count, from, to, files = 3 }: ManyOptions,
): Promise<string[]> {
  const step = (to.getTime() - from.getTime()) / count;
  const ids = Array.from({ length: count }, (_, index) => idAt(Math.floor(from.getTime() + index * step)));
  for (let start = 0; start < count; start += 5_000) {
    const slice = ids.slice(start, start + 5_000);
    const times = slice.map((_, index) => new Date(from.getTime() + (start + index) * step));
    await database.transaction(async (client) => {
      const values = [slice, times, organisationId];
      const root = 'unnest($1::uuid[], $2::timestamptz[]) as e (id, at)';
      await client.query(
        `insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, include_metadata,
                                 include_metrics, include_extracted_text, created_at)
         select e.id, $3::uuid, $3::uuid, $3::uuid, '{}', false, false, false, e.at from ${root}`,
        values,
      );
      await client.query(
        `insert into ended_executions (id, organisation_id, ended_at)
         select e.id, $3::uuid, e.at + interval '1 minute' from ${root}`,
        values,
      );
      await client.query(
        `insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
         select gen_random_uuid(), e.id, $3::uuid, n, 'file ' || n, 100, md5(n::text), 'uploads/' || e.id, n * 100
           from ${root} cross join generate_series(1, $4::int) n`,
        [...values, files],
      );
      await client.query(
        `insert into runs (id, organisation_id, root_id, parent_id, key, ordinal, task, queue, input, max_attempts, soft_limit_ms,
                           hard_limit_ms, created_at, state, epoch, starts, started_at, finished_at, output, children_total)
         select case when n = 0 then e.id else overlay(gen_random_uuid()::text placing left(e.id::text, 14) from 1 for 14)::uuid end,
                $3::uuid, e.id, case when n > 0 then e.id end, case when n > 0 then n::text end,
                case when n between 1 and $4::int then n end, 'file.process', 'q', '{"a": 1}', 1, 1, 1, e.at, 'succeeded', 1, 1,
                e.at, e.at + interval '1 minute',
                jsonb_build_object('inline', jsonb_build_object('output', repeat(md5(n::text), 20))),
                case when n = 0 then $4::int else 0 end
           from ${root} cross join generate_series(0, $4::int + 1) n`,
        [...values, files],
      );
      await client.query(
        `insert into run_logs (run_id, level, message) select r.id, 'info', 'read the file'
           from runs r where r.root_id = any($1::uuid[]) and r.id between $2::uuid and $3::uuid and r.ordinal is not null`,
        [
          slice,
          slice[0]!.slice(0, 14) + '0000-0000-000000000000',
          slice.at(-1)!.slice(0, 14) + 'ffff-ffff-ffffffffffff',
        ],
      );
      await client.query(
        `insert into run_log_totals (run_id, lines, bytes) select r.id, 1, 13
           from runs r where r.root_id = any($1::uuid[]) and r.id between $2::uuid and $3::uuid and r.ordinal is not null`,
        [
          slice,
          slice[0]!.slice(0, 14) + '0000-0000-000000000000',
          slice.at(-1)!.slice(0, 14) + 'ffff-ffff-ffffffffffff',
        ],
      );
    });
  }
  return ids;
}

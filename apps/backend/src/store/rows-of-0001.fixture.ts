import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uuidV7 } from '@longshore/runtime';
import type { Database } from './database.ts';
import { childRunId } from './family-ids.ts';

/** What a test may ask of the rows that an earlier release left. */
export interface EarlierRows {
  readonly organisation: string;
  readonly apiName: string;
  readonly organisationKey: string;
  readonly adminKey: string;
  /** Ended before the upgrade, with this text as the output of its one file. */
  readonly finished: { readonly id: string; readonly text: string };
  /** Accepted before; nothing of it was claimed yet. */
  readonly queued: { readonly id: string; readonly text: string };
  /** A worker that is gone had its file. */
  readonly running: { readonly id: string; readonly text: string };
}

/*
 * Written as the release with schema 0001 wrote it, and never changed: what lies in the homes of those who upgrade does not
 * change either. A release that stores something new gets a fixture of its own beside this one.
 */

const hash = (text: string) => createHash('sha256').update(text).digest();
const LIMITS = '3, 60000, 60000';

/** Fills a database of schema 0001 and its file store. */
export async function putRowsOf0001(database: Database, storageDir: string): Promise<EarlierRows> {
  const names = await putSettings(database);
  const texts = {
    finished: 'text of the finished',
    queued: 'text of the queued',
    running: 'text of the running',
  };
  const ids = { finished: uuidV7(), queued: uuidV7(), running: uuidV7() };
  await mkdir(join(storageDir, 'uploads'), { recursive: true });
  for (const kind of ['finished', 'queued', 'running'] as const) {
    await writeFile(join(storageDir, 'uploads', ids[kind]), texts[kind]);
    await putAccepted(database, names, ids[kind], texts[kind]);
  }
  await putFinished(database, names, ids.finished, texts.finished);
  await putQueued(database, names, ids.queued);
  await putRunning(database, names, ids.running, texts.running);
  return {
    organisation: 'earlier',
    apiName: 'notes',
    organisationKey: names.organisationKey,
    adminKey: names.adminKey,
    finished: { id: ids.finished, text: texts.finished },
    queued: { id: ids.queued, text: texts.queued },
    running: { id: ids.running, text: texts.running },
  };
}

type Names = Awaited<ReturnType<typeof putSettings>>;

async function putSettings(database: Database) {
  const names = {
    organisation: uuidV7(),
    workflow: uuidV7(),
    version: uuidV7(),
    deployment: uuidV7(),
    organisationKey: `lsk_org_${randomBytes(32).toString('base64url')}`,
    adminKey: `lsk_adm_${randomBytes(32).toString('base64url')}`,
  };
  const { organisation, workflow, version, deployment, organisationKey, adminKey } = names;
  await database.query(`insert into organisations (id, name) values ($1, 'earlier')`, [organisation]);
  await database.query(`insert into workflows (id, organisation_id, name) values ($1, $2, 'notes')`, [
    workflow,
    organisation,
  ]);
  await database.query(
    `insert into workflow_versions (id, workflow_id, version, definition) values ($1, $2, 1, '{"steps": [{"read": {}}]}')`,
    [version, workflow],
  );
  await database.query(
    `insert into deployments (id, organisation_id, api_name, workflow_id) values ($1, $2, 'notes', $3)`,
    [deployment, organisation, workflow],
  );
  await database.query(
    `insert into api_keys (id, kind, name, hash, organisation_id)
     values ($1, 'organisation', 'all', $2, $3), ($4, 'admin', 'admin', $5, null)`,
    [uuidV7(), hash(organisationKey), organisation, uuidV7(), hash(adminKey)],
  );
  return names;
}

const sha256Of = (text: string) => hash(text).toString('hex');

async function putAccepted(database: Database, names: Names, id: string, text: string): Promise<void> {
  await database.query(
    `insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, include_metadata, include_metrics,
                             include_extracted_text)
     values ($1, $2, $3, $4, '{}', false, false, false)`,
    [id, names.organisation, names.deployment, names.version],
  );
  const fileId = uuidV7();
  await database.query(
    `insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
     values ($1, $2::uuid, $3, 0, 'note.txt', $4, $5, 'uploads/' || $2::uuid, 0)`,
    [fileId, id, names.organisation, text.length, sha256Of(text)],
  );
  const file = { file_id: fileId, name: 'note.txt', size: text.length, sha256: sha256Of(text), ordinal: 0 };
  const input = { files: [file], max_parallel_files: 4, workflow_version_id: names.version };
  await database.query(
    `insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms)
     values ($1::uuid, $2, $1::uuid, 'execution.plan', 'api_deployments', $3, ${LIMITS})`,
    [id, names.organisation, JSON.stringify(input)],
  );
}

/** The plan's children: the run of its file and, with `continued`, the continuation. */
async function putFileRun(
  database: Database,
  { organisation }: Names,
  id: string,
  text: string,
): Promise<string> {
  const fileRun = childRunId(id, sha256Of(text));
  await database.query(
    `insert into runs (id, organisation_id, root_id, parent_id, key, ordinal, counts_for, task, queue, input, file_id, max_attempts,
                       soft_limit_ms, hard_limit_ms)
     select $1::uuid, $2::uuid, $3::uuid, $3::uuid, $4, 0, $3::uuid, 'file.process', 'api_file_processing', '{}', f.id, ${LIMITS}
       from files f where f.execution_id = $3::uuid`,
    [fileRun, organisation, id, sha256Of(text)],
  );
  return fileRun;
}

async function putFinished(database: Database, names: Names, id: string, text: string): Promise<void> {
  const fileRun = await putFileRun(database, names, id, text);
  const finish = childRunId(id, '');
  const output = {
    inline: { output: { text }, extracted_text: text, document: { kind: 'text' }, elapsed_ms: 3 },
  };
  await database.query(
    `insert into runs (id, organisation_id, root_id, parent_id, key, ends, task, queue, input, max_attempts, soft_limit_ms,
                       hard_limit_ms)
     values ($1, $2, $3::uuid, $3::uuid, '', array[$3::uuid], 'execution.finish', 'api_file_processing_callback', '{}', ${LIMITS})`,
    [finish, names.organisation, id],
  );
  await database.query(
    `update runs set state = 'succeeded', epoch = 1, starts = 1, started_at = now(), claimed_at = now(), finished_at = now(),
            output = case when id = $2::uuid then $3::jsonb else '{"inline": null}' end,
            continuation = case when id = $1::uuid then jsonb_build_object('id', $4::uuid) end,
            children_total = case when id = $1::uuid then 1 else 0 end, next_ordinal = case when id = $1::uuid then 2 else 0 end
      where id in ($1::uuid, $2::uuid, $4::uuid)`,
    [id, fileRun, JSON.stringify(output), finish],
  );
  await database.query(`insert into run_logs (run_id, level, message) values ($1, 'info', 'read')`, [
    fileRun,
  ]);
}

async function putQueued(database: Database, { organisation }: Names, id: string): Promise<void> {
  await database.query('insert into live_executions (id, organisation_id) values ($1, $2)', [
    id,
    organisation,
  ]);
  await database.query(
    `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
     values ($1, $2, 'execution.plan', 'api_deployments', 0, array[$3::uuid], 1, true, now())`,
    [uuidV7(), organisation, id],
  );
}

async function putRunning(database: Database, names: Names, id: string, text: string): Promise<void> {
  const fileRun = await putFileRun(database, names, id, text);
  const [session, dispatch] = [uuidV7(), uuidV7()];
  await database.query('insert into live_executions (id, organisation_id) values ($1, $2)', [
    id,
    names.organisation,
  ]);
  await database.query(
    `insert into sessions (id, pool, worker, instance, hostname, pid, queues, tasks, concurrency, contract_version)
     values ($1, 'file-processing-1', 'file-processing', 'one', 'here', 1, '{api_file_processing}', '{file.process}', 4, 1)`,
    [session],
  );
  await database.query(
    `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications,
                             session_id, claim_id)
     values ($1, $2, 'file.process', 'api_file_processing', 0, array[$3::uuid], 1, true, now(), 'file-processing-1', 1, $4::uuid, $4::uuid)`,
    [dispatch, names.organisation, fileRun, session],
  );
  const continuation = {
    id: childRunId(id, ''),
    task: 'execution.finish',
    queue: 'api_file_processing_callback',
    input: {},
    max_attempts: 3,
    soft_limit_ms: 60_000,
    hard_limit_ms: 60_000,
  };
  await database.query(
    `update runs set state = 'waiting', epoch = 1, starts = 1, started_at = now(), claimed_at = now(), children_total = 1,
            children_pending = 1, next_ordinal = 1, continuation = $2 where id = $1`,
    [id, JSON.stringify(continuation)],
  );
  await database.query(
    `update runs set state = 'running', epoch = 1, starts = 1, started_at = now(), claimed_at = now(), session_id = $2,
            dispatch_id = $3 where id = $1`,
    [fileRun, session, dispatch],
  );
  await database.query(`insert into run_logs (run_id, level, message) values ($1, 'info', 'begun')`, [
    fileRun,
  ]);
}

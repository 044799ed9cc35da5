import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { silentLogger, type Lifecycle } from '@longshore/runtime';
import type { TestPostgres } from '@longshore/testing';
import { startBackend as startBackendProcess } from '../backend.ts';
import type { BackendConfig } from '../config.ts';
import { createKeys } from '../keys/keys.ts';
import { createDatabase, type Database } from '../store/database.ts';
import { startTestWorker, type TestWorkerOptions } from './http-worker.ts';
import { broker, truth } from './templates.ts';

const MIB = 1024 ** 2;
let databases = 0;

const quietConfig = {
  encryptionKeys: [randomBytes(32)],
  longshoreHome: '/nowhere',
  host: '127.0.0.1',
  port: 0,
  logLevel: 'error',
  logDir: undefined,
  shutdownGraceMs: 30_000,
  parentPipe: false,
  bootstrapFile: undefined,
  sessionTimeoutMs: 600_000,
  maxParallelFiles: 4,
  maxUnfinishedPerOrganisation: 100_000,
  maxUnfinished: 100_000,
  maxWaitingRuns: 100_000,
  maxFileBytes: 100 * MIB,
  maxRequestBytes: 1024 * MIB,
  maxFilesPerRequest: 32,
  trustedProxies: [],
  auditRetentionDays: 365,
  corsOrigins: [],
  uploadStallMs: 60_000,
  presignedUrlHosts: [],
  presignedUrlAllowHttp: false,
  presignedUrlTimeoutMs: 120_000,
  presignedUrlCaFile: undefined,
  webhookHosts: [],
  webhookAllowHttp: false,
  webhookLeastWindowMs: 60_000,
  retainUploadsHours: 24,
  retainResultsDays: 30,
  retainLogsDays: 7,
  retainHistoryDays: 90,
};

/** A backend in this process, on databases of its own unless `beside` names the one whose databases it shares. */
export async function startBackend(
  postgres: TestPostgres,
  settings: Partial<BackendConfig> = {},
  beside?: { readonly config: BackendConfig },
) {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-http-'));
  const config = {
    ...quietConfig,
    ...(beside?.config ?? (await freshStores(postgres, folder))),
    ...settings,
  } as BackendConfig;
  const life = createLife();
  const server = await startBackendProcess(config, life.lifecycle, silentLogger());
  const database = createDatabase({ url: config.databaseUrl, logger: silentLogger(), connections: 2 });
  const url = `http://127.0.0.1:${server.port}`;
  const keys = createKeys(database);
  const adminKey = (await keys.create({ kind: 'admin', name: 'admin' })).secret;
  const workers: { stop(): Promise<void> }[] = [];

  const backend = {
    url,
    port: server.port,
    config,
    database,
    keys,
    adminKey,
    folder: config.storageDir,
    /** A new organisation with an organisation key. */
    organisation: (name?: string) => createOrganisation(backend, name),
    /** The organisation's deployment, made or changed, with a key of its own. */
    deploy: (organisation: TestOrganisation, apiName: string, options?: DeployOptions) =>
      deploy(backend, organisation, apiName, options),
    async worker(options: TestWorkerOptions = {}) {
      const { secret } = await keys.create({ kind: 'service', name: 'worker', ...workerBinding });
      const worker = await startTestWorker({ url, brokerUrl: config.brokerUrl, key: secret }, options);
      workers.push(worker);
      return worker;
    },
    /** Every stored file, temporary ones too. */
    storedFiles: () => storedFiles(config.storageDir),
    /** Number of rows in each table that an execution could leave something in. */
    rows: () => countRows(database),
    /** Messages in the broker, delivered or not. */
    messages: () => countMessages(config.brokerUrl),
    /** Begins to stop the backend; resolves when all its parts have ended. */
    stopBackend: life.stop,
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await life.stop();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return backend;
}
export type HttpBackend = Awaited<ReturnType<typeof startBackend>>;

const workerBinding = {
  workers: ['general'],
  queues: ['api_deployments', 'api_file_processing', 'api_file_processing_callback', 'default'],
};

async function freshStores(postgres: TestPostgres, folder: string) {
  databases += 1;
  return {
    databaseUrl: await postgres.createDatabase(`truth${databases}`, truth),
    brokerUrl: await postgres.createDatabase(`broker${databases}`, broker),
    storageDir: join(folder, 'storage'),
  };
}

/** The life of a process without the process: its steps run in reverse order, as the real one's do. */
function createLife() {
  const stopping = new AbortController();
  const steps: ((deadline: AbortSignal) => unknown)[] = [];
  const lifecycle: Lifecycle = {
    get stopping() {
      return stopping.signal.aborted;
    },
    signal: stopping.signal,
    onStop: (_label, step) => void steps.push(step),
    fail: (error) => {
      throw error;
    },
  };
  return {
    lifecycle,
    async stop(deadlineMs = 20_000) {
      stopping.abort();
      const deadline = AbortSignal.timeout(deadlineMs);
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step(deadline);
    },
  };
}

export interface TestOrganisation {
  readonly id: string;
  readonly name: string;
  readonly key: string;
}

export interface TestDeployment {
  /** The public address, without a trailing slash. */
  readonly url: string;
  readonly path: string;
  readonly id: string;
  readonly key: string;
  readonly organisation: TestOrganisation;
}

interface DeployOptions {
  readonly active?: boolean;
  readonly max_parallel_files?: number;
}

interface AdminAccess {
  readonly url: string;
  readonly adminKey: string;
}

let organisations = 0;

async function createOrganisation(backend: AdminAccess, given?: string): Promise<TestOrganisation> {
  organisations += 1;
  const name = given ?? `org-${organisations}`;
  const { id } = (await admin(backend, 'organisations', { name })) as { id: string };
  const { key } = (await admin(backend, 'keys', {
    kind: 'organisation',
    name: 'all',
    organisation: name,
  })) as {
    key: string;
  };
  return { id, name, key };
}

async function deploy(
  backend: AdminAccess & { readonly database: Database },
  organisation: TestOrganisation,
  apiName: string,
  { active = true, ...settings }: DeployOptions = {},
): Promise<TestDeployment> {
  await admin(backend, 'apply', {
    organisation: organisation.name,
    documents: [
      { kind: 'workflow', name: `${apiName}-workflow`, steps: [{ read: {} }] },
      { kind: 'deployment', api_name: apiName, workflow: `${apiName}-workflow`, active, settings },
    ],
  });
  const names = { organisation: organisation.name, api_name: apiName };
  const { key } = (await admin(backend, 'keys', { kind: 'deployment', name: 'one', ...names })) as {
    key: string;
  };
  const [row] = await backend.database.query<{ id: string }>(
    'select id from deployments where organisation_id = $1 and api_name = $2',
    [organisation.id, apiName],
  );
  const path = `/deployment/api/${organisation.name}/${apiName}`;
  return { url: `${backend.url}${path}`, path, id: row!.id, key, organisation };
}

async function admin({ url, adminKey }: AdminAccess, what: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/${what}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${what}: ${response.status} ${await response.text()}`);
  return await response.json();
}

async function storedFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function countRows(database: Database): Promise<Record<string, number>> {
  const tables = ['executions', 'live_executions', 'files', 'runs', 'dispatches', 'attempts', 'run_logs'];
  const counts = await Promise.all(
    tables.map(async (table) => {
      const [row] = await database.query<{ n: number }>(`select count(*)::int as n from ${table}`);
      return [table, row!.n] as const;
    }),
  );
  return Object.fromEntries(counts);
}

async function countMessages(brokerUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: brokerUrl });
  await client.connect();
  try {
    // The broker's tables are made by the first message.
    const { rows } = await client.query<{ made: boolean }>(
      `select to_regclass('bullmq.job') is not null as made`,
    );
    if (!rows[0]!.made) return 0;
    return (await client.query<{ n: number }>('select count(*)::int as n from bullmq.job')).rows[0]!.n;
  } finally {
    await client.end();
  }
}

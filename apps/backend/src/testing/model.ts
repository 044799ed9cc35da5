import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaimedRun, DispatchMessage, JsonValue, TaskDescriptor } from '@longshore/contracts';
import { silentLogger, systemClock, uuidV7 } from '@longshore/runtime';
import type { Publication, Publisher } from '@longshore/broker';
import { createNotifications, type Notifications } from '../events/notifications.ts';
import { createModel } from '../model.ts';
import { openFileStore } from '../files/file-store.ts';
import type { Session } from '../sessions/sessions.ts';
import { createDatabase, type Patience } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { ensurePartitions } from '../store/partitions.ts';

/** A broker in memory that keeps what it was given, so that a test can deliver, repeat or lose messages. */
export function memoryBroker() {
  const messages: Publication[] = [];
  let disturbances = 1;
  const publisher: Publisher = {
    publish: async (_queue, published) => void messages.push(...published),
    isWaiting: async (_queue, id) => messages.some((message) => message.id === id),
    disturbances: async () => disturbances,
    mark: async () => null,
    ping: async () => undefined,
    close: async () => undefined,
  };
  return {
    publisher,
    messages,
    /** Loses what it had, and is seen to. */
    empty(): void {
      messages.length = 0;
      disturbances += 1;
    },
    /** Hands out everything that waits. */
    take: (): DispatchMessage[] => messages.splice(0).map(({ message }) => message),
  };
}

/** No word from other backends, and none to them: in these tests each hears of the other when the test says so. */
const alone: Notifications = {
  on: () => undefined,
  isCurrent: () => true,
  hasCompany: () => false,
  stop: async () => undefined,
};

interface TestModelOptions {
  readonly concurrency?: number;
  readonly sessionTimeoutMs?: number;
  readonly publicationTimeoutMs?: number;
  readonly patience?: Patience;
  /** Of each of the database's two pools. */
  readonly connections?: number;
  /** It hears of other backends, and they of it. Nothing polls all the same. Default false. */
  readonly connected?: boolean;
}

/** The backend's model on a real database, without HTTP and processes. */
export async function startModel(
  databaseUrl: string,
  {
    concurrency = 10,
    sessionTimeoutMs = 15_000,
    publicationTimeoutMs = 200,
    patience,
    connections = 4,
    connected = false,
  }: TestModelOptions = {},
) {
  const logger = silentLogger();
  const folder = await mkdtemp(join(tmpdir(), 'longshore-model-'));
  const database = createDatabase({ url: databaseUrl, logger, connections, ...(patience && { patience }) });
  await migrate(database, logger);
  await ensurePartitions(database, new Date());
  const broker = memoryBroker();
  const notifications = connected
    ? createNotifications({ databaseUrl, database, clock: systemClock, logger })
    : alone;
  const store = await openFileStore(folder);
  const model = await createModel({
    database,
    publisher: broker.publisher,
    store,
    logger,
    notifications,
    sessionTimeoutMs,
    publicationTimeoutMs,
    maxWaitingRuns: 100_000,
    hearingMs: 0,
  });
  const { dispatcher, pools, sessions } = model;
  const organisationId = uuidV7();
  await database.query('insert into organisations (id, name) values ($1, $2)', [
    organisationId,
    `org-${organisationId}`,
  ]);

  async function session(worker = 'general', tasks = ['work', 'plan', 'finish']): Promise<Session> {
    const { session_id: id, pool } = await sessions.register({
      worker,
      instance: `${worker}-1`,
      hostname: 'here',
      pid: 1,
      contract_version: 1,
      queues: ['default'],
      tasks: tasks.map(descriptor),
      concurrency,
      health_port: null,
    });
    return { id, pool, worker, queues: ['default'] };
  }

  /** Inserts one root run with its dispatch, as accepting a request does. */
  async function submit(task: string, input: JsonValue = {}): Promise<string> {
    const id = uuidV7();
    const dispatchId = uuidV7();
    await database.query(
      `insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms)
       values ($1, $2, $1, $3, 'default', $4, 3, 1000, 1000)`,
      [id, organisationId, task, JSON.stringify(input)],
    );
    await database.query('insert into live_executions (id, organisation_id) values ($1, $2)', [
      id,
      organisationId,
    ]);
    await database.query(
      `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
       values ($1, $2, $3, 'default', 0, array[$4::uuid], 1, true, now())`,
      [dispatchId, organisationId, task, id],
    );
    dispatcher.committed(
      [{ id: dispatchId, pool: null, queue: 'default', task, run_ids: [id], ready: true }],
      {},
    );
    return id;
  }

  /** Waits until the dispatcher has published all it can, then hands the messages out. */
  async function delivered(): Promise<DispatchMessage[]> {
    await pools.refresh();
    dispatcher.pumpAll();
    await dispatcher.idle();
    return broker.take();
  }

  async function claim(session: Session, messages: readonly DispatchMessage[]) {
    return await model.claim(
      session,
      messages.map((message) => ({ ...message, claim_id: uuidV7() })),
    );
  }

  async function claimAll(session: Session): Promise<ClaimedRun[]> {
    const messages = await delivered();
    if (messages.length === 0) return [];
    return (await claim(session, messages)).answers.flatMap((answer) => answer.runs);
  }

  return {
    ...model,
    claims: model.claim,
    database,
    broker,
    notifications,
    claim,
    claimAll,
    session,
    submit,
    delivered,
    organisationId,
    run: async (id: string) => (await database.query('select * from runs where id = $1', [id]))[0]!,
    async stop() {
      await dispatcher.stop();
      await notifications.stop();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type TestModel = Awaited<ReturnType<typeof startModel>>;

function descriptor(name: string): TaskDescriptor {
  return {
    name,
    group: 'General',
    queue: 'default',
    description: '',
    input_schema: {},
    max_attempts: 3,
    soft_limit_ms: 1000,
    hard_limit_ms: 1000,
    isolation: 'inline',
  };
}

/** Reports as a worker would make them. */
export const ended = {
  well: (run: ClaimedRun, output: JsonValue = null) => ({
    ...of(run),
    outcome: 'succeeded' as const,
    output: { inline: output },
    duration_ms: 1,
  }),
  badly: (run: ClaimedRun, retryAfterMs: number | null = null) => ({
    ...of(run),
    outcome: 'failed' as const,
    error: { code: 'broken', message: 'it broke', detail: null },
    output: null,
    retry_after_ms: retryAfterMs,
    duration_ms: 1,
  }),
  back: (run: ClaimedRun) => ({ ...of(run), outcome: 'released' as const }),
  inChildren: (run: ClaimedRun, keys: readonly string[], maxParallel: number | null = null) => ({
    ...of(run),
    outcome: 'fanned_out' as const,
    duration_ms: 1,
    children: keys.map((key) => ({ key, task: 'work', input: { key } })),
    then: { task: 'finish', input: {} },
    max_parallel: maxParallel,
  }),
};

function of({ run_id, epoch, token }: ClaimedRun) {
  return { run_id, epoch, token };
}

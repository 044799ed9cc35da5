import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { routes } from '@longshore/contracts';
import { type Clock, type Logger, systemClock } from '@longshore/runtime';
import { createPlatformClient } from '../client/platform-client.ts';
import type { Home } from '../home/home.ts';
import { duration } from '../output/duration.ts';
import type { Terminal } from '../output/terminal.ts';
import { checkDatabase } from './check-database.ts';
import { checkDeliveries } from './check-deliveries.ts';
import { checkLedger, type Violation } from './check-ledger.ts';
import { checkRows, readRows } from './check-rows.ts';
import { checkWebhooks, type WebhookFigures } from './check-webhooks.ts';
import {
  chaosDocuments,
  type ChaosPipeline,
  chaosPipelines,
  pipelineDocuments,
  resultsCredential,
} from './documents.ts';
import { createEndpoint, type Endpoint, webhookEnvironment } from './endpoint.ts';
import { endingsOf } from './endings.ts';
import { describeFault, type FaultKind, wires } from './fault.ts';
import { effectsFolder, writeTask } from './chaos-task.ts';
import { checkTasks, type Effect } from './check-tasks.ts';
import { driveTasks, readTasksAgain, type TaskEntry } from './task-load.ts';
import { createInjector, type Injector } from './inject.ts';
import { type ChaosInstance, processNames, startInstance } from './instance.ts';
import { type LedgerEntry, listedOf } from './ledger.ts';
import { driveLoad, readAgain } from './load.ts';
import { createManners } from './manners.ts';
import { drivePipelines, type PipelineEntry } from './pipeline-load.ts';
import { planFaults } from './plan.ts';
import { createPublicApi, type PublicApi } from './public-api.ts';
import { createRandom } from './random.ts';
import type { InjectedFault } from './summary.ts';
import { startReceiver, type WebhookReceiver } from './webhook-receiver.ts';

export interface ChaosOptions {
  /** Held by the caller. */
  home: Home;
  broker: 'redis' | 'postgres';
  durationMs: number;
  seed: number;
  faults: readonly FaultKind[];
  terminal: Terminal;
  logger: Logger;
  signal: AbortSignal;
  clock?: Clock;
}

export interface ChaosResult {
  readonly entries: readonly LedgerEntry[];
  readonly tasks: readonly TaskEntry[];
  readonly injected: readonly InjectedFault[];
  /** In the tables that are destinations. */
  readonly rows: number;
  readonly webhooks: WebhookFigures;
  readonly violations: readonly Violation[];
}

/** What was accepted must have ended so long after the last fault at the latest: a lost worker is noticed after 15 s. */
const ENDS_WITHIN_MS = 180_000;
const STATUS_EVERY_MS = 250;

/**
 * Starts an instance in the home, breaks it while clients use it, and holds what they saw against the promise. Everything that it
 * started has ended when this returns or throws.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { clock = systemClock, home, seed, terminal } = options;
  const receiver = await startReceiver(createManners(seed));
  try {
    const folders = { pipelines: join(home.folder, 'pipelines'), tasks: join(home.folder, 'tasks') };
    return await inInstance({ ...options, clock, receiver, folders });
  } finally {
    await receiver.stop();
    terminal.status('');
  }
}

interface Prepared extends Required<ChaosOptions> {
  readonly receiver: WebhookReceiver;
  readonly folders: { readonly pipelines: string; readonly tasks: string };
}

async function inInstance(prepared: Prepared): Promise<ChaosResult> {
  const { home, broker, logger, clock, signal, terminal, receiver, folders } = prepared;
  const startedAt = clock.monotonic();
  await writeTask(folders.tasks);
  const environment = {
    ...{ PIPELINE_FOLDERS: folders.pipelines, TASKS_DIR: folders.tasks },
    ...webhookEnvironment(receiver),
  };
  const onStep = terminal.status;
  const instance = await startInstance({ home, broker, environment, logger, clock, signal, onStep });
  try {
    const pipelines = chaosPipelines(folders.pipelines);
    const { url, credentials } = instance;
    const admin = createPlatformClient({ url, key: credentials.admin_key });
    const documents = [
      ...[...chaosDocuments, resultsCredential(instance.resultsUrl)],
      ...pipelineDocuments(pipelines),
    ];
    const body = { organisation: credentials.organisation, documents };
    await admin.call(routes.apply, { body, signal });
    const client = createPlatformClient({ url, key: credentials.api_key });
    const endpoint = await createEndpoint({ client, receiver, clock, signal });
    terminal.err(
      `${instance.processes.length} processes are ready after ${duration(clock.monotonic() - startedAt)}.`,
    );
    return await breakAndCheck(instance, { ...prepared, pipelines, endpoint });
  } finally {
    terminal.status('stopping');
    await instance.stop();
  }
}

/** What the clients wrote down. */
interface Ledger {
  readonly uploads: LedgerEntry[];
  readonly pipelineRuns: PipelineEntry[];
  readonly tasks: TaskEntry[];
}

function allOf({ uploads, pipelineRuns }: Ledger): LedgerEntry[] {
  return [...uploads, ...pipelineRuns];
}

interface Context extends Prepared {
  readonly pipelines: readonly ChaosPipeline[];
  readonly endpoint: Endpoint;
}

async function breakAndCheck(instance: ChaosInstance, context: Context): Promise<ChaosResult> {
  const { clock, signal, terminal, seed } = context;
  const { organisation, api_key: key } = instance.credentials;
  const api = createPublicApi({ url: instance.url, organisation, key, signal });
  const ledger: Ledger = { uploads: [], pipelineRuns: [], tasks: [] };
  const injected: InjectedFault[] = [];
  const [over, late] = [new AbortController(), new AbortController()];
  const until = AbortSignal.any([signal, over.signal]);
  const giveUp = AbortSignal.any([signal, late.signal]);
  const status = setInterval(() => terminal.status(progress(allOf(ledger), injected)), STATUS_EVERY_MS);
  const injector = createInjector({ instance, logger: context.logger, clock });
  const given = { api, seed, clock, until, giveUp };
  const load = Promise.all([
    driveLoad({ ...given, entries: ledger.uploads }),
    drivePipelines({ ...given, entries: ledger.pipelineRuns, pipelines: context.pipelines }),
    driveTasks({ ...given, entries: ledger.tasks }),
  ]);
  const faults = injectAll(injector, { ...context, signal: until }, injected);
  const both = Promise.allSettled([load, faults]);
  try {
    await Promise.race([faults, load.then(() => faults)]);
    await injector.heal();
    over.abort();
    const timer = setTimeout(() => late.abort(), ENDS_WITHIN_MS);
    await load.finally(() => clearTimeout(timer));
    signal.throwIfAborted();
    const checked = await check({ instance, api, ledger, context });
    return { entries: allOf(ledger), tasks: ledger.tasks, injected, ...checked };
  } finally {
    clearInterval(status);
    over.abort();
    late.abort();
    await both;
    await injector.heal();
  }
}

async function injectAll(injector: Injector, context: Context, injected: InjectedFault[]): Promise<void> {
  const { clock, signal, terminal, durationMs, seed, broker } = context;
  const kinds = context.faults.filter((kind) => kind !== 'redis' || broker === 'redis');
  const plan = planFaults({
    random: createRandom(seed),
    durationMs,
    kinds,
    targets: processNames,
    wires: wires.filter((wire) => wire !== 'redis' || broker === 'redis'),
  });
  const begun = clock.monotonic();
  for (const { atMs, fault } of plan) {
    await clock.sleep(begun + atMs - clock.monotonic(), signal);
    const at = clock.monotonic();
    const tookEffect = await injector.inject(fault);
    if (tookEffect) injected.push({ at, fault });
    const seconds = ((at - begun) / 1000).toFixed(1).padStart(6);
    terminal.err(`${seconds} s  ${describeFault(fault)}${tookEffect ? '' : ' (without effect)'}`);
  }
  await clock.sleep(begun + durationMs - clock.monotonic(), signal);
}

function progress(entries: readonly LedgerEntry[], injected: readonly InjectedFault[]): string {
  const accepted = entries.filter(({ executionIds }) => executionIds.length > 0).length;
  const ended = entries.filter(({ first }) => first !== undefined).length;
  return `${injected.length} faults, ${accepted} executions accepted, ${ended} ended`;
}

interface Checking {
  instance: ChaosInstance;
  api: PublicApi;
  ledger: Ledger;
  context: Context;
}

async function check({
  instance,
  api,
  ledger,
  context,
}: Checking): Promise<Pick<ChaosResult, 'violations' | 'webhooks' | 'rows'>> {
  const entries = allOf(ledger);
  const { clock, signal, terminal, receiver, endpoint } = context;
  const { databaseUrl, resultsUrl } = instance.storage;
  terminal.status('waiting for the last webhooks');
  const dead = await endpoint.settle();
  terminal.status('reading everything again');
  await readAgain(entries, { api, clock });
  await readTasksAgain(ledger.tasks, { api });
  const listed = (await api.list()).map(listedOf);
  const told = { requests: receiver.requests, dead, ...endingsOf(entries, ledger.tasks) };
  const webhooks = checkWebhooks(told);
  const tables = await readRows(resultsUrl, ledger.pipelineRuns);
  const violations = [
    ...checkLedger({ entries, listed }),
    ...(await checkDeliveries(ledger.pipelineRuns)),
    ...checkRows(ledger.pipelineRuns, tables),
    ...checkTasks(ledger.tasks, await effectsIn(context.folders.tasks)),
    ...webhooks.violations,
    ...(await checkDatabase(databaseUrl, { clock, signal })),
  ];
  const rows = [...tables.values()].reduce((sum, { length }) => sum + length, 0);
  return { violations, rows, webhooks: webhooks.figures };
}

async function effectsIn(folder: string): Promise<Effect[]> {
  const effects = effectsFolder(folder);
  const names = await readdir(effects);
  return Promise.all(
    names.map(async (name) => ({ name, content: await readFile(join(effects, name), 'utf8') })),
  );
}

import {
  isServedContractVersion,
  type Platform,
  RELEASE,
  type QueuesResponse,
  type WorkersResponse,
} from '@longshore/contracts';
import { duration } from '../output/duration.ts';
import { skippedTaskFiles } from '../platform/skipped-task-files.ts';
import { spaceFinding } from './check-machine.ts';
import { type Finding, note, ok, wrong } from './finding.ts';
import { moment } from '../output/moment.ts';

/** Tokens and leases live for seconds: a clock that is further off confuses people who read logs, and presigned addresses. */
const CLOCKS_APART_MS = 2_000;
/** A heartbeat is due every 10 s at the latest. */
const SILENT_MS = 12_000;

/** What a running platform says of itself, each with how to mend it. */
export function checkPlatform(
  platform: Platform,
  workers: WorkersResponse,
  queues: QueuesResponse,
): Finding[] {
  return [
    checkRelease(platform),
    checkSchema(platform),
    checkClocks(platform),
    checkBroker(platform),
    checkStorage(platform),
    ...checkWorkers(platform, workers),
    checkLapsed(platform),
    ...checkQueues(queues),
    ...skippedTaskFiles(workers).map((sentence) =>
      wrong('task files', sentence, 'Mend it and start its worker again: task files are read at the start.'),
    ),
  ];
}

function checkRelease({ release, node, contract_version: contract }: Platform): Finding {
  const words = `release ${release}, contract version ${contract}, Node ${node}`;
  return release === RELEASE
    ? ok('backend', words)
    : note(
        'backend',
        `${words}; this command is of release ${RELEASE}`,
        'Use the command of the same release.',
      );
}

function checkSchema({ database }: Platform): Finding {
  const { version, pending_migrations: pending, later_migrations: later } = database;
  if (pending.length > 0)
    return wrong(
      'database',
      `migrations are pending: ${pending.join(', ')}`,
      'Start the backend again: it makes them.',
    );
  if (later.length > 0) {
    const found = `a later release changed the database (${later.join(', ')})`;
    return wrong('database', found, 'Bring this backend to the same release.');
  }
  return ok('database', `PostgreSQL ${version}, no migration is pending`);
}

function checkClocks({ database: { clock_ahead_ms: ahead } }: Platform): Finding {
  const apart = Math.abs(ahead);
  if (apart <= CLOCKS_APART_MS) return ok('clocks', 'database and backend agree');
  const found = `the database's clock is ${duration(apart)} ${ahead > 0 ? 'ahead of' : 'behind'} the backend's`;
  return wrong('clocks', found, 'Run a time service (NTP, chrony) on both machines.');
}

function checkBroker({ broker: { kind, problem } }: Platform): Finding {
  if (problem === null)
    return ok('broker', kind === 'redis' ? 'Redis answers, its policy is noeviction' : 'PostgreSQL answers');
  // The library says how to mend the policy; what is out of reach is told by its address.
  const mend = problem.includes('maxmemory')
    ? 'Nothing accepted is lost, but deliveries are delayed until then.'
    : 'Start it, or correct BROKER_URL; what was accepted waits in the database meanwhile.';
  return wrong('broker', problem, mend);
}

function checkStorage({ storage: { free_bytes: free, problem } }: Platform): Finding {
  if (problem !== null)
    return wrong('file store', problem, 'Give the backend the right to write in STORAGE_DIR.');
  return free === null ? ok('file store', 'can be written') : spaceFinding('file store', free);
}

function checkWorkers({ workers: alive }: Platform, { pools }: WorkersResponse): Finding[] {
  if (alive.length === 0)
    return [wrong('workers', 'no worker is alive', 'Start workers: "longshore up" starts all of them.')];
  const strangers = alive.filter(({ contract_version: version }) => !isServedContractVersion(version));
  const silent = pools
    .flatMap(({ sessions }) => sessions)
    .filter(({ seen_ms_ago: seen }) => seen > SILENT_MS);
  const absent = new Set(pools.filter(({ sessions }) => sessions.length === 0).map(({ worker }) => worker));
  return [
    ok('workers', `${alive.length} ${alive.length === 1 ? 'process' : 'processes'} alive`),
    ...strangers.map(({ instance, contract_version: version }) =>
      wrong(
        'workers',
        `${instance} speaks contract version ${version}`,
        'Bring it to the release of the backend.',
      ),
    ),
    ...silent.map(({ instance, seen_ms_ago: seen }) =>
      note(
        'workers',
        `${instance} was not heard of for ${duration(seen)}`,
        'Look whether its machine is overloaded.',
      ),
    ),
    ...[...absent].map((worker) =>
      note('workers', `no process of ${worker} is alive`, 'Start one, if it is needed.'),
    ),
  ];
}

function checkLapsed({ lapsed }: Platform): Finding {
  const [latest] = lapsed;
  if (latest === undefined) return ok('sessions', 'no worker was given up in the last 24 hours');
  const count = `${lapsed.length} ${lapsed.length === 1 ? 'worker was' : 'workers were'} given up in the last 24 hours`;
  const found = `${count}, last ${latest.instance} at ${moment(latest.lapsed_at)}`;
  return note(
    'sessions',
    found,
    'Their work was given to others. Look into their logs: killed, out of memory, frozen?',
  );
}

function checkQueues({ queues }: QueuesResponse): Finding[] {
  const unserved = queues.filter(({ served, queued }) => !served && queued > 0);
  if (unserved.length === 0) return [ok('queues', 'every queue with work is served')];
  return unserved.map(({ queue, queued }) => {
    const found = `${queued} ${queued === 1 ? 'run waits' : 'runs wait'} in ${queue}, which nobody serves`;
    return wrong('queues', found, `Start a worker that drains it: TASK_QUEUES=${queue}.`);
  });
}

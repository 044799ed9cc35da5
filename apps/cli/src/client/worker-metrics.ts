import { hostname } from 'node:os';
import type { WorkersResponse } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import { type Sample, readSamples } from './metric-samples.ts';

type Pool = WorkersResponse['pools'][number];
type Session = Pool['sessions'][number];

/** What a worker process measured of itself since its start, and how busy it is. */
export interface WorkerStats {
  /** Attempts that ended as they should. */
  readonly done: number;
  readonly failed: number;
  /** How long an attempt took on average, milliseconds. Null: none has ended. */
  readonly average_ms: number | null;
  /** Of one processor, within the last second. */
  readonly cpu_percent: number;
  /** Memory of the process that is in use, bytes. */
  readonly memory_bytes: number;
}

export interface AskingWorkers {
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Pick<Clock, 'sleep' | 'monotonic'>;
}

const ANSWERS_WITHIN_MS = 2_000;
const BETWEEN_LOOKS_MS = 1_000;
/** More than any worker has to say: whoever says more is none. */
const MOST_BYTES = 2 ** 20;

/** What each process says of itself at `/metrics` of its health port, by the id of its session; those out of reach are left out. */
export async function askWorkers(
  { pools }: WorkersResponse,
  { fetch = globalThis.fetch, clock = systemClock }: AskingWorkers = {},
): Promise<Map<string, WorkerStats>> {
  const sessions = pools.flatMap((pool) => pool.sessions.map((session) => ({ pool, session })));
  const look = async () => {
    const urls = new Set(sessions.flatMap(({ session }) => urlOf(session) ?? []));
    const texts = [...urls].map(async (url) => [url, await samplesAt(url, fetch)] as const);
    return { at: clock.monotonic(), answers: new Map(await Promise.all(texts)) };
  };
  const before = await look();
  await clock.sleep(BETWEEN_LOOKS_MS);
  const after = await look();
  const stats = sessions.flatMap(({ pool, session }) => {
    const url = urlOf(session) ?? '';
    const [earlier, later] = [before.answers.get(url), after.answers.get(url)];
    if (earlier === undefined || later === undefined) return [];
    const [from, to] = [own(earlier, pool, session), own(later, pool, session)];
    return [[session.session_id, statsOf(from, to, after.at - before.at)] as const];
  });
  return new Map(stats);
}

/** Where it answers, as far as can be known here. */
function urlOf({ hostname: machine, health_port: port }: Session): string | undefined {
  if (port === null || !/^[\w.-]+$/.test(machine)) return undefined;
  return `http://${machine === hostname() ? '127.0.0.1' : machine}:${port}/metrics`;
}

async function samplesAt(url: string, fetch: typeof globalThis.fetch): Promise<Sample[] | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS), redirect: 'error' });
    return answer.ok ? readSamples(await boundedText(answer)) : undefined;
  } catch {
    return undefined; // Out of reach from here: what it says of itself is not known.
  }
}

/** @throws when there is more than a worker would say */
async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new RangeError(`More than ${MOST_BYTES} bytes of metrics`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

interface Own {
  readonly ofWorker: readonly Sample[];
  readonly ofProcess: readonly Sample[];
}

/** Several processes may answer at one port, each with its label, and several workers may share a process. */
function own(samples: readonly Sample[], { worker }: Pool, { instance }: Session): Own {
  const near = samples.filter(({ labels: { process = instance } }) => process === instance);
  const ofWorker = near.filter(({ labels }) => labels['worker'] === worker);
  const isPacked = !ofWorker.some(({ name }) => name.startsWith('process_'));
  return { ofWorker, ofProcess: isPacked ? near : ofWorker };
}

function statsOf(before: Own, { ofWorker, ofProcess }: Own, betweenMs: number): WorkerStats {
  const outcomes = (...named: string[]) =>
    sum(ofWorker, 'longshore_worker_runs_total', ({ outcome = '' }) => named.includes(outcome));
  const attempts = sum(ofWorker, 'longshore_worker_run_duration_seconds_count');
  const cpuSeconds =
    sum(ofProcess, 'process_cpu_seconds_total') - sum(before.ofProcess, 'process_cpu_seconds_total');
  const tookMs = sum(ofWorker, 'longshore_worker_run_duration_seconds_sum') * 1000;
  return {
    done: outcomes('succeeded', 'fanned_out'),
    failed: outcomes('failed', 'hard_limit'),
    average_ms: attempts === 0 ? null : Math.round((tookMs / attempts) * 10) / 10,
    cpu_percent: Math.max(0, Math.round((cpuSeconds * 100_000) / betweenMs)),
    memory_bytes: sum(ofProcess, 'process_resident_memory_bytes'),
  };
}

function sum(
  samples: readonly Sample[],
  name: string,
  isMeant: (labels: Sample['labels']) => boolean = () => true,
): number {
  return samples
    .filter((sample) => sample.name === name && isMeant(sample.labels))
    .reduce((total, { value }) => total + value, 0);
}

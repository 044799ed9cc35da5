import { invoicePart, multipart } from './load.ts';
import { prepareDeployment } from './measure.ts';
import { startPlace, until, type Place, type Worker } from './seats.ts';

export const FILES_PER_EXECUTION = 32;
/** What the small organisation posts in one request. */
export const SMALL_FILES = 10;
const SLOTS = 4;
const SAMPLES = 5;
const PIPELINE = ['api-deployment', 'file-processing', 'callback'];
/** Requests that are posted at the same time. */
const POSTED_TOGETHER = 8;
const ENDS_WITHIN_MS = 600_000;

/** Completed files over time: seconds since the start, ascending, one entry a file. */
export interface Course {
  readonly large: readonly number[];
  readonly small: readonly number[];
}

/** The small organisation comes while the large one has everything waiting. */
export interface Arrival {
  readonly weights: readonly [number, number];
  /** From request to result of the small one's executions, ms. */
  readonly times: readonly number[];
  /** Files of the large one that were waiting when the first of them came, and when the last one was done. */
  readonly waiting: readonly [number, number];
  /** Seconds since the first request of the small one. */
  readonly course: Course;
}

/** Both have as much waiting. */
export interface Contest {
  readonly weights: readonly [number, number];
  readonly course: Course;
}

export interface FairnessFigures {
  readonly files: number;
  /** The small one's executions on a platform of its own, ms. */
  readonly alone: readonly number[];
  readonly arrivals: readonly Arrival[];
  readonly contests: readonly Contest[];
}

/** One organisation, and its way in. */
interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly key: string;
}

interface Stage {
  readonly place: Place;
  readonly large: Tenant;
  readonly small: Tenant;
}

/** @param files what the large organisation has waiting. */
export async function measureFairness(files: number): Promise<FairnessFigures> {
  const place = await startPlace({
    MAX_UNFINISHED_EXECUTIONS: '100000',
    MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION: '100000',
  });
  try {
    const [large, small] = [await createTenant(place, 'large'), await createTenant(place, 'small')];
    const stage = { place, large, small };
    const alone = await measureAlone(stage);
    const arrivals: Arrival[] = [];
    for (const weight of [1, 3]) arrivals.push(await measureArrival(stage, files, weight));
    const contests: Contest[] = [];
    for (const weight of [1, 3]) contests.push(await measureContest(stage, Math.ceil(files / 4), weight));
    return { files, alone, arrivals, contests };
  } finally {
    await place.stop();
  }
}

async function measureAlone(stage: Stage): Promise<number[]> {
  const workers = startPipeline(stage);
  await postAll(stage, stage.large, 20 * FILES_PER_EXECUTION); // Until then the engine still compiles.
  await idle(stage);
  const times = await sample(stage);
  await stopPipeline(workers);
  return times;
}

async function measureArrival(stage: Stage, files: number, weight: number): Promise<Arrival> {
  const { place, large, small } = stage;
  await setWeight(stage, weight);
  await postAll(stage, large, files);
  const workers = startPipeline(stage);
  const posted = await waitingFiles(stage);
  await until('the large one is under way', async () => (await waitingFiles(stage)) < posted * 0.98);
  const [since, before] = [Date.now(), await waitingFiles(stage)];
  const times = await sample(stage);
  const after = await waitingFiles(stage);
  await idle(stage);
  await stopPipeline(workers);
  return {
    ...{ weights: [1, weight], times, waiting: [before, after] },
    course: { large: await finishes(place, large, since), small: await finishes(place, small, since) },
  };
}

async function measureContest(stage: Stage, files: number, weight: number): Promise<Contest> {
  const { place, large, small } = stage;
  await setWeight(stage, weight);
  const since = Date.now();
  await Promise.all([postAll(stage, large, files), postAll(stage, small, files)]);
  const workers = startPipeline(stage);
  await idle(stage);
  await stopPipeline(workers);
  const course = {
    large: await finishes(place, large, since),
    small: await finishes(place, small, since),
  };
  const start = Math.min(course.large[0]!, course.small[0]!);
  const fromStart = (times: readonly number[]) => times.map((time) => time - start);
  return { weights: [1, weight], course: { large: fromStart(course.large), small: fromStart(course.small) } };
}

/** How long the small one's executions take, one after the other, ms. */
async function sample({ place, small }: Stage): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i += 1) {
    const startedAt = performance.now();
    const answer = await post(place, small, SMALL_FILES, 300);
    if (!answer.includes('"COMPLETED"')) throw new Error(`not completed: ${answer.slice(0, 300)}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

function startPipeline({ place }: Stage): Worker[] {
  return PIPELINE.map((app) => place.startWorker(app, { WORKER_CONCURRENCY: String(SLOTS) }));
}

const stopPipeline = (workers: readonly Worker[]) =>
  Promise.all(workers.map((worker) => worker.end('SIGTERM')));

async function postAll({ place }: Stage, tenant: Tenant, files: number): Promise<void> {
  let left = files;
  const postNext = async (): Promise<void> => {
    while (left > 0) {
      const count = Math.min(left, FILES_PER_EXECUTION);
      left -= count;
      await post(place, tenant, count, 0);
    }
  };
  await Promise.all(Array.from({ length: POSTED_TOGETHER }, postNext));
}

async function post({ url }: Place, { name, key }: Tenant, files: number, timeout: number): Promise<string> {
  const parts = Array.from({ length: files }, (_, index) => invoicePart(index));
  const { contentType, body } = multipart(parts, { timeout: String(timeout) });
  const answer = await fetch(`${url}/deployment/api/${name}/bench/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': contentType },
    body: new Uint8Array(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`answer ${answer.status}: ${text.slice(0, 300)}`);
  return text;
}

/** Files of the large organisation that were accepted and are not done. */
async function waitingFiles({ place, large }: Stage): Promise<number> {
  const { rows } = await place.sql.query<{ n: number }>(
    `select count(*)::float8 as n from files f join live_executions l on l.id = f.execution_id
      where l.organisation_id = $1 and not exists (
        select 1 from runs r where r.parent_id = l.id and r.file_id = f.id and r.state = 'succeeded')`,
    [large.id],
  );
  return rows[0]!.n;
}

async function idle({ place }: Stage): Promise<void> {
  const isIdle = async () => (await place.sql.query('select from live_executions limit 1')).rowCount === 0;
  await until('everything is done', isIdle, ENDS_WITHIN_MS);
}

async function finishes({ sql }: Place, { id }: Tenant, since: number): Promise<number[]> {
  const { rows } = await sql.query<{ at: number }>(
    `select (extract(epoch from finished_at) - $2)::float8 as at from runs
      where organisation_id = $1 and task = 'file.process' and state = 'succeeded' and finished_at >= to_timestamp($2)
      order by finished_at`,
    [id, since / 1000],
  );
  return rows.map(({ at }) => at);
}

async function setWeight({ place, small }: Stage, weight: number): Promise<void> {
  await asAdmin(place, 'PATCH', `/api/v1/organisations/${small.name}`, { weight });
}

async function createTenant(place: Place, name: string): Promise<Tenant> {
  const { id } = await asAdmin<{ id: string }>(place, 'POST', '/api/v1/organisations', { name });
  const wanted = { kind: 'organisation', name, organisation: name };
  const { key } = await asAdmin<{ key: string }>(place, 'POST', '/api/v1/keys', wanted);
  await prepareDeployment(place, name);
  return { id, name, key };
}

async function asAdmin<Answer>(place: Place, method: string, path: string, body: object): Promise<Answer> {
  const answer = await fetch(`${place.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${place.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

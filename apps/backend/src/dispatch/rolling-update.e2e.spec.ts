import { afterEach, expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import { createDatabase, type Database } from '../store/database.ts';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { startFleet, type Ending, type Fleet, type Pod } from './rolling-update.fixture.ts';

const CLIENTS = 6;
/** Of a task: long enough that each process that is told to end has some in hand. */
const TASK_MS = 80;
/** What Kubernetes gives a worker, and a backend after it has served on for five seconds. */
const GRACE_MS = 40_000;

let fleet: Fleet;
let database: Database | undefined;
afterEach(async () => {
  await database?.close();
  await fleet?.stop();
});

/** One retry is what the contract asks of a client: after no answer, or one that says to come again. */
async function ask(path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${fleet.apiKey()}`, 'content-type': 'application/json' };
  const once = () => fetch(`${fleet.url}${path}`, { ...init, headers }).catch(() => null);
  const first = await once();
  const answer = first === null || [429, 502, 503].includes(first.status) ? await once() : first;
  if (answer?.ok) return (await answer.json()) as Record<string, unknown>;
  throw new Error(`${path}: ${answer === null ? 'no answer, twice' : await answer.text()}`);
}

async function submitAndWait(note: string): Promise<string> {
  const parameters = { sleepMs: TASK_MS, note };
  const body = JSON.stringify({ task_name: 'test.effect', parameters, idempotency_key: note });
  const { task_id: id } = await ask('/tasks/submit', { method: 'POST', body });
  for (;;) {
    const { status } = await ask(`/tasks/${id as string}/result?wait=20`);
    // A backend that ends answers those that wait with how far the task is.
    if (['finished', 'failed', 'cancelled'].includes(status as string)) return status as string;
  }
}

/** The new one takes requests before the old one is taken out and told to end. */
async function replaceBackend(old: Pod): Promise<Ending> {
  const fresh = await fleet.backend();
  fleet.service.add(fresh.port);
  fleet.service.remove(old.port);
  return old.end('SIGTERM');
}

/** The new one is ready before the old one is told to end, in the middle of its work. */
async function replaceWorker(old: Pod): Promise<Ending> {
  await fleet.worker();
  await eventually(async () => {
    const own = fleet.ledger().filter(({ pid }) => pid === old.pid);
    return own.length % 2 === 1;
  });
  return old.end('SIGTERM');
}

it('failure mode 25: a rolling update of backends and workers under load loses nothing, does nothing twice, and fails no client', async () => {
  fleet = await startFleet();
  const first = await fleet.backend();
  fleet.service.add(first.port);
  const second = await fleet.backend();
  fleet.service.add(second.port);
  const workers = [await fleet.worker(), await fleet.worker()];

  let over = false;
  const outcomes = new Map<string, string>();
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let round = 0; !over; round += 1) {
      const note = `${client}-${round}`;
      outcomes.set(note, await submitAndWait(note).catch((error: Error) => error.message));
    }
  });
  const rolled = Promise.all([
    (async () => [await replaceBackend(first), await replaceBackend(second)])(),
    (async () => [await replaceWorker(workers[0]!), await replaceWorker(workers[1]!)])(),
  ]).finally(() => (over = true));
  const [endings] = await Promise.all([rolled, ...clients]);

  for (const { code, signal, tookMs } of endings.flat()) {
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(tookMs).toBeLessThan(GRACE_MS);
  }
  expect([...outcomes].filter(([, status]) => status !== 'finished')).toEqual([]);
  const written = fleet.ledger().map(({ event, note }) => `${String(note)} ${event}`);
  const expected = [...outcomes.keys()].flatMap((note) => [`${note} started`, `${note} ended`]);
  expect(written.toSorted()).toEqual(expected.toSorted());
  database = createDatabase({ url: fleet.databaseUrl, logger: silentLogger(), connections: 2 });
  const [counted] = await database.query('select count(*)::int as n from runs');
  expect(counted).toEqual({ n: outcomes.size });
  expect(await brokenInvariants(database)).toEqual([]);
}, 180_000);

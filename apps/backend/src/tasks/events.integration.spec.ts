import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import type { WorkerCall } from '../testing/http-worker.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, descriptor, follow, startTaskWorker, type Ending, type ReadEvent } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let other: HttpBackend;
let own: TestOrganisation;
let worker: Awaited<ReturnType<typeof startTaskWorker>>;
let client: ReturnType<typeof asking>;
/** What ends the runs that wait to be told how. */
const gates = new Map<string, (ending: Ending) => void>();
const calls = new Map<string, { run: ClaimedRun; call: WorkerCall }>();

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  other = await startBackend(postgres, {}, backend);
  own = await backend.organisation();
  client = asking(backend, own);
  worker = await startTaskWorker(
    backend,
    (run, call) => {
      calls.set(run.run_id, { run, call });
      return new Promise<Ending>((resolve) => gates.set(run.run_id, resolve));
    },
    { concurrency: 10 },
  );
});
afterEach(async () => {
  for (const end of gates.values()) end({ output: null });
  gates.clear();
  await worker.beat();
  await eventually(async () => (await backend.rows())['live_executions'] === 0);
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
afterAll(async () => {
  await worker?.stop();
  await other?.stop();
  await backend?.stop();
  await postgres?.stop();
});

/** A task that a worker has in its hands. */
async function running(): Promise<string> {
  const id = await client.id({ task_name: 'anything' });
  await eventually(async () => gates.has(id));
  return id;
}

async function say(id: string, ...messages: string[]): Promise<void> {
  const { run, call } = calls.get(id)!;
  const items = messages.map((message) => ({
    token: run.token,
    level: 'info',
    message,
    fields: { of: message },
  }));
  expect((await call('POST', '/v1/logs', { body: { items } })).status).toBe(200);
}

async function progress(id: string, percentage: number): Promise<void> {
  const { run, call } = calls.get(id)!;
  const items = [{ token: run.token, percentage, message: `at ${percentage}`, data: null }];
  expect((await call('POST', '/v1/progress', { body: { items } })).status).toBe(200);
}

const kinds = (events: readonly ReadEvent[]) => events.map(({ event }) => event);
const said = (events: readonly ReadEvent[]) =>
  events.filter(({ event }) => event === 'log').map(({ data }) => data.message);
const isLog = (message: string) => (event: ReadEvent) =>
  event.event === 'log' && event.data.message === message;

it('a task that waits for a limit says for which one, and its type names them all', async () => {
  const rate = { runs: 100, per_ms: 1000 };
  const limits = [{ per: 'organisation', concurrency: 1, rate }];
  const { promise: end, resolve } = Promise.withResolvers<Ending>();
  const tasks = [descriptor('limited', { queue: 'limited', limits })];
  const limited = await startTaskWorker(backend, () => end, { queues: ['limited'], tasks });
  const [first, second] = [
    await client.id({ task_name: 'limited' }),
    await client.id({ task_name: 'limited' }),
  ];
  await eventually(async () => (await client.status(first)).status === 'started');
  const held = [
    { per: 'organisation', concurrency: 1 },
    { per: 'organisation', rate },
  ];
  await eventually(async () => (await client.status(second)).waits_for_limit !== undefined);
  expect((await client.status(second)).waits_for_limit).toEqual(held);
  expect((await client.ask('GET', `/${second}`)).body.waits_for_limit).toEqual(held);
  expect(await client.status(first)).not.toHaveProperty('waits_for_limit');
  const { details } = (await client.ask('GET', '/types?details=true')).body;
  expect(details.find(({ name }: { name: string }) => name === 'limited').limits).toEqual(held);
  resolve({ output: null });
  expect((await client.result(second)).status).toBe('finished');
  expect(await client.status(second)).not.toHaveProperty('waits_for_limit');
  await limited.stop();
});

describe('the events of a task', () => {
  it('are its history, then what comes, then one end, whichever backend is asked', async () => {
    const id = await running();
    await say(id, 'one', 'two');
    await progress(id, 10);
    const streams = await Promise.all([backend, other].map((each) => follow(each, { id, key: own.key })));
    for (const stream of streams) {
      expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      const events = await stream.until(({ event }) => event === 'progress');
      expect(kinds(events)).toEqual(['log', 'log', 'status', 'progress']);
      expect(events[1]!.data).toEqual({
        line: expect.any(Number),
        run_id: id,
        at: expect.any(String),
        level: 'info',
        message: 'two',
        fields: { of: 'two' },
      });
      expect(events[2]!.data).toEqual({ status: 'started', attempt: 1 });
      expect(events[3]!.data).toEqual({ percentage: 10, message: 'at 10', data: null });
    }
    await say(id, 'three');
    await progress(id, 50);
    gates.get(id)!({ output: 1 });
    for (const stream of streams) {
      const events = await stream.all();
      expect(said(events)).toEqual(['one', 'two', 'three']);
      expect(kinds(events).filter((kind) => kind === 'end')).toEqual(['end']);
      expect(events.at(-1)).toMatchObject({
        event: 'end',
        data: { task_id: id, status: 'finished', error: null },
      });
      expect(events.filter(({ event }) => event === 'status').map(({ data }) => data.status)).toEqual([
        'started',
        'finished',
      ]);
    }
  });

  it('hold what a worker says a moment after the end, before the closing one', async () => {
    const id = await running();
    const stream = await follow(backend, { id, key: own.key });
    gates.get(id)!({ output: 1 });
    await stream.until(({ event, data }) => event === 'status' && data.status === 'finished');
    await say(id, 'last words');
    const events = await stream.all();
    expect(said(events)).toEqual(['last words']);
    expect(events.at(-1)!.event).toBe('end');
  });

  it('end only when nothing more comes of what was said before the end, however much that is', async () => {
    const id = await running();
    const stream = await follow(backend, { id, key: own.key });
    gates.get(id)!({ output: 1 });
    await stream.until(({ event, data }) => event === 'status' && data.status === 'finished');
    // Longer in all than it waits for one more.
    const words = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];
    for (const each of words) {
      await say(id, each);
      await setTimeout(300);
    }
    expect(said(await stream.all())).toEqual(words);
  });

  it('go on after the last one that was received, each told once', async () => {
    const id = await running();
    await say(id, 'one', 'two');
    const first = await follow(backend, { id, key: own.key });
    const seen = await first.until(isLog('two'));
    first.leave();
    await say(id, 'three');
    const second = await follow(other, { id, key: own.key, lastEventId: seen.find(isLog('two'))!.id });
    await second.until(isLog('three'));
    expect(said(second.events)).toEqual(['three']);
    gates.get(id)!({ output: 1 });
    const events = await second.all();
    expect(said(events)).toEqual(['three']);
    const end = events.at(-1)!;
    const third = await follow(backend, { id, key: own.key, lastEventId: end.id });
    expect(third.status).toBe(204);
    const strange = await follow(backend, { id, key: own.key, lastEventId: 'x; drop' });
    expect(said(await strange.all())).toEqual(['one', 'two', 'three']);
  });

  it('say why an attempt failed that is tried again, once, and so does its history', async () => {
    const id = await running();
    const stream = await follow(backend, { id, key: own.key });
    await say(id, 'first try');
    gates.get(id)!({ failure: 'no paper', retryAfterMs: 1 });
    gates.delete(id);
    const before = [...(await stream.until(({ event }) => event === 'attempt'))];
    stream.leave();
    const attempt = before.find(({ event }) => event === 'attempt')!;
    expect(said(before)).toEqual(['first try']);
    const error = { code: 'broken', message: 'no paper', detail: null };
    expect(attempt.data).toEqual({
      ...{ attempt: 1, outcome: 'failed', error, worker: 'general-1' },
      ...{ started_at: expect.any(String), ended_at: expect.any(String) },
    });
    await eventually(async () => gates.has(id));
    const next = await follow(other, { id, key: own.key, lastEventId: attempt.id });
    gates.get(id)!({ output: 1 });
    const after = await next.all();
    expect(kinds(after)).not.toContain('attempt');
    expect(after.find(({ event }) => event === 'status')!.data).toMatchObject({
      status: 'started',
      attempt: 2,
    });
    const { body } = await client.ask('GET', `/${id}`);
    expect(body.past_attempts).toEqual([attempt.data]);
  });

  it('failure mode 21: end exactly once for who comes late, for what is cancelled, failed, deferred or deleted', async () => {
    const ended = await running();
    await say(ended, 'long ago');
    gates.get(ended)!({ failure: 'no good' });
    expect((await client.result(ended)).status).toBe('failed');
    const late = await (await follow(backend, { id: ended, key: own.key })).all();
    // The only attempt that there was, though another would have been allowed.
    expect(late.find(({ event }) => event === 'status')!.data).toEqual({ status: 'failed', attempt: 1 });
    expect(late.at(-1)).toMatchObject({
      event: 'end',
      data: { status: 'failed', error: { code: 'broken', message: 'no good', detail: null } },
    });
    const cancelled = await running();
    const waits = await client.id({ task_name: 'anything', delay: 3_000 });
    const streams = await Promise.all([cancelled, waits].map((id) => follow(other, { id, key: own.key })));
    for (const id of [cancelled, waits])
      expect((await client.ask('DELETE', `/${id}/cancel`)).status).toBe(200);
    for (const stream of streams) {
      const events = await stream.all();
      expect(kinds(events).filter((kind) => kind === 'end')).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({ event: 'end', data: { status: 'cancelled' } });
    }
    expect((await client.ask('DELETE', `/${waits}`)).status).toBe(200);
    expect((await follow(backend, { id: waits, key: own.key })).status).toBe(404);
  });

  it('failure mode 21: end exactly once when the worker dies, after the next one did the work', async () => {
    const id = await running();
    const stream = await follow(backend, { id, key: own.key });
    await stream.until(({ event }) => event === 'status');
    const first = gates.get(id)!;
    gates.delete(id);
    // It takes nothing new, says nothing more, and is found to be gone.
    await worker.stop();
    await backend.database.query(`update sessions set state = 'lapsed', ended_at = now() where id = $1`, [
      worker.sessionId,
    ]);
    const next = await startTaskWorker(backend, () => ({ output: 'by the next' }));
    const events = await stream.all();
    first('silence');
    await next.stop();
    expect(kinds(events).filter((kind) => kind === 'end')).toHaveLength(1);
    expect(events.at(-1)!.data.status).toBe('finished');
    expect(events.filter(({ event }) => event === 'status').map(({ data }) => data.status)).toEqual([
      'started',
      'finished',
    ]);
    worker = await startTaskWorker(
      backend,
      (run, call) => {
        calls.set(run.run_id, { run, call });
        return new Promise<Ending>((resolve) => gates.set(run.run_id, resolve));
      },
      { concurrency: 10 },
    );
  });

  it('reach a hundred listeners at once; who goes away leaves nothing behind', async () => {
    const id = await running();
    const streams = await Promise.all(
      Array.from({ length: 100 }, (_, n) => follow(n % 2 === 0 ? backend : other, { id, key: own.key })),
    );
    const leaving = streams.slice(0, 50);
    await Promise.all(leaving.map((stream) => stream.until(({ event }) => event === 'status')));
    for (const stream of leaving) stream.leave();
    await say(id, 'to all');
    gates.get(id)!({ output: 1 });
    for (const stream of streams.slice(50)) {
      const events = await stream.all();
      expect(said(events)).toEqual(['to all']);
      expect(kinds(events).filter((kind) => kind === 'end')).toHaveLength(1);
    }
  });

  it('hold a long log in full, in order', async () => {
    const id = await running();
    const lines = Array.from({ length: 1_700 }, (_, n) => `line ${n}`);
    for (let at = 0; at < lines.length; at += 400) await say(id, ...lines.slice(at, at + 400));
    const stream = await follow(backend, { id, key: own.key });
    await stream.until(isLog('line 1699'));
    await say(id, 'one more');
    gates.get(id)!({ output: 1 });
    expect(said(await stream.all())).toEqual([...lines, 'one more']);
  });

  it('stop without a closing one when the backend stops, and go on at another', async () => {
    const third = await startBackend(postgres, {}, backend);
    const id = await running();
    await say(id, 'before');
    const stream = await follow(third, { id, key: own.key });
    await stream.until(({ event }) => event === 'status');
    await third.stop();
    const before = await stream.all();
    expect(kinds(before)).not.toContain('end');
    const after = await follow(other, { id, key: own.key, lastEventId: before.at(-1)!.id });
    gates.get(id)!({ output: 1 });
    const events = await after.all();
    expect([said(events), events.at(-1)!.event]).toEqual([[], 'end']);
  });

  it('are nobody else’s', async () => {
    const id = await running();
    const foreign = await backend.organisation();
    expect((await follow(backend, { id, key: foreign.key })).status).toBe(404);
    expect((await follow(backend, { id, key: 'wrong' })).status).toBe(401);
  });
});

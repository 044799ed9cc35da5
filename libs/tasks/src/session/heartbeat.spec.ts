import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FromThread } from './heartbeat-messages.ts';
import { startHeartbeat } from './heartbeat.ts';

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A backend that answers heartbeats, and a heartbeat on the main loop. */
async function setup() {
  const beats: { path: string; body: unknown }[] = [];
  const answer = { status: 'active', cancelled: [], dispatched: 0 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      beats.push({ path: request.url ?? '', body: JSON.parse(body) });
      response.end(JSON.stringify(answer));
      server.emit('beat');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const heard: FromThread[] = [];
  const moved = Promise.withResolvers<number>();
  const heartbeat = startHeartbeat({
    ...{ worker: 'general', baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/internal` },
    ...{ serviceKey: 'lsk_svc_0123456789', concurrency: 2, where: 'loop' },
    onMessage: (message) => heard.push(message),
    onDeath: (error) => moved.reject(error),
    onMove: moved.resolve,
  });
  endings.push(() => heartbeat.stop());
  return { heartbeat, beats, heard, moved: moved.promise, beat: () => once(server, 'beat') };
}

describe('a heartbeat on the main loop', () => {
  it('renews the session it follows, and hears the answer', async () => {
    const { heartbeat, beats, heard, beat } = await setup();
    const first = beat();
    heartbeat.follow({ id: 'one', busyMs: 10, idleMs: 10 });
    await first;
    await beat();
    expect(beats[0]).toMatchObject({
      path: '/internal/v1/sessions/one/heartbeat',
      body: { active: 0, concurrency: 2, state: 'active' },
    });
    expect(heard[0]).toMatchObject({ type: 'answer', sessionId: 'one', status: 'active' });
  });

  it('is brought forward to the busy pace by work that begins, and needs no more for work that comes and goes', async () => {
    const { heartbeat, beats, heard, beat } = await setup();
    const pulse = { concurrency: 2, mostConcurrency: 2, hardDeadline: undefined, draining: false };
    const first = beat();
    heartbeat.follow({ id: 'one', busyMs: 200, idleMs: 60_000 });
    await first;
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const next = beat();
    for (let i = 0; i < 10; i += 1) for (const active of [1, 0]) heartbeat.tell({ ...pulse, active });
    heartbeat.tell({ ...pulse, active: 1 });
    await next;
    expect(beats.map(({ body }) => (body as { active: number }).active)).toEqual([0, 1]);
    await beat();
    expect(beats).toHaveLength(3);
  });

  it('is due at once when work begins long after the last one: a handler may hold up the loop from then on', async () => {
    const { heartbeat, heard, beat } = await setup();
    const first = beat();
    heartbeat.follow({ id: 'one', busyMs: 60_000, idleMs: 3_000 });
    await first;
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const restedAt = performance.now();
    await setTimeout(1_000);
    const second = beat();
    heartbeat.tell({
      concurrency: 1,
      mostConcurrency: 1,
      hardDeadline: undefined,
      draining: false,
      active: 1,
    });
    await second;
    // Otherwise at the end of the pause.
    expect(performance.now() - restedAt).toBeLessThan(2_800);
  });

  it('gets a thread once the loop was held up, and renews the same session from there', async () => {
    const { heartbeat, beats, moved, beat } = await setup();
    const first = beat();
    heartbeat.follow({ id: 'one', busyMs: 10_000, idleMs: 10_000 });
    await first;
    holdUp(3_300);
    const next = beat();
    expect(await moved).toBeGreaterThan(3_000);
    await next;
    expect(beats.at(-1)).toMatchObject({ path: '/internal/v1/sessions/one/heartbeat' });
  });
});

/** What no handler of ours may do. */
function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

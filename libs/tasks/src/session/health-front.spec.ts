import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { HealthAnswer } from '@longshore/runtime';
import type { FromFront, ToFront } from './health-front.ts';
import { openHealthFront } from './health-front.ts';

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const json = (body: object): HealthAnswer => ({
  ...{ status: 200, body: JSON.stringify(body), contentType: 'application/json' },
});

/** A front at a port, and the main loop's end of the channel to it. */
async function setup() {
  const main = new EventEmitter();
  const loop = { ageMs: 0 };
  const asked: string[] = [];
  const server = openHealthFront({
    loopAgeMs: () => loop.ageMs,
    active: () => 2,
    channel: {
      on: (_event, listener) => main.on('message', listener),
      postMessage: (message: FromFront) => {
        if (message.type !== 'ask') return;
        asked.push(`${message.question.method} ${message.question.path}`);
        main.emit('asked', message.id);
      },
    },
  });
  const say = (message: ToFront) => main.emit('message', message);
  const health = json({
    status: 'healthy',
    worker: 'general',
    active_tasks: 0,
    processed_tasks: 7,
    reasons: [],
  });
  say({ type: 'listen', host: '127.0.0.1', port: 0, health });
  await once(server, 'listening');
  endings.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const text = await response.text();
    return { status: response.status, text, body: (text === '' ? {} : JSON.parse(text)) as unknown };
  };
  return { main, loop, asked, say, get };
}

describe('the front at the health port of a worker', () => {
  it('hands each question on to a main loop that turns, and its answer back', async () => {
    const { main, asked, say, get } = await setup();
    main.on('asked', (id: number) => say({ type: 'answer', id, answer: json({ answer: id }) }));
    expect(await get('/health?verbose')).toMatchObject({ status: 200, body: { answer: 1 } });
    expect(await get('/live', { method: 'POST' })).toMatchObject({ status: 200, body: { answer: 2 } });
    expect(asked).toEqual(['GET /health', 'POST /live']);
  });

  it('says at once that the main loop stands still, and for how long, with the numbers that it told last', async () => {
    const { loop, asked, get } = await setup();
    loop.ageMs = 12_900;
    const reason = 'the main loop has stood still for 12 s';
    expect(await get('/health')).toMatchObject({
      ...{ status: 200, body: { status: 'healthy', active_tasks: 2, processed_tasks: 7, reasons: [reason] } },
    });
    expect(await get('/ready')).toEqual({
      ...{ status: 503, text: expect.anything(), body: { status: 'not ready', worker: 'general', reason } },
    });
    expect(await get('/metrics')).toMatchObject({ status: 503, body: { reason } });
    expect(asked).toEqual([]);
  });

  it('tells the numbers of the last answer that it handed on', async () => {
    const { main, loop, say, get } = await setup();
    const answer = json({ status: 'healthy', worker: 'general', active_tasks: 0, processed_tasks: 12 });
    main.on('asked', (id: number) => say({ type: 'answer', id, answer }));
    await get('/health');
    await get('/ready');
    loop.ageMs = 6_000;
    expect(await get('/health')).toMatchObject({ body: { processed_tasks: 12, active_tasks: 2 } });
  });

  it('says that the process is alive and healthy until the main loop has stood still for 20 s', async () => {
    const { loop, get } = await setup();
    loop.ageMs = 20_000;
    expect(await get('/live')).toMatchObject({ status: 200, body: { status: 'alive', worker: 'general' } });
    loop.ageMs = 20_001;
    expect(await get('/live')).toMatchObject({
      status: 503,
      body: { reason: 'the main loop has stood still for 20 s' },
    });
    expect(await get('/health')).toMatchObject({
      status: 503,
      body: { status: 'unhealthy', reasons: ['the main loop has stood still for 20 s'] },
    });
  });

  it('answers what it has handed on when the main loop stands still before it answers, and hears the late answer without harm', async () => {
    const { main, loop, say, get } = await setup();
    const handedOn = once(main, 'asked') as Promise<[number]>;
    const answer = get('/ready');
    const [id] = await handedOn;
    loop.ageMs = 3_100;
    expect(await answer).toMatchObject({
      status: 503,
      body: { reason: 'the main loop has stood still for 3 s' },
    });
    say({ type: 'answer', id, answer: json({}) });
  });

  it('fails when somebody else has the port: that ends its thread', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    endings.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as AddressInfo;
    const main = new EventEmitter();
    const server = openHealthFront({
      ...{ loopAgeMs: () => 0, active: () => 0 },
      channel: { on: (_event, listener) => main.on('message', listener), postMessage: () => undefined },
    });
    const failed = once(server, 'error');
    main.emit('message', { type: 'listen', host: '127.0.0.1', port, health: json({}) } satisfies ToFront);
    expect((await failed)[0]).toMatchObject({ code: 'EADDRINUSE' });
  });
});

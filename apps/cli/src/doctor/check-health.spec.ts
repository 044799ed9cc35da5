import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { WorkersResponse } from '@longshore/contracts';
import { checkHealth } from './check-health.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const WITHIN_MS = 200;

async function listening(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function portOf(listener: RequestListener): Promise<number> {
  const { port, close } = await listening(listener);
  cleanups.push(close);
  return port;
}

async function closedPort(): Promise<number> {
  const { port, close } = await listening(() => undefined);
  await close();
  return port;
}

function workersAt(port: number, machine = hostname()): WorkersResponse {
  const session = {
    ...{
      session_id: '019a0000-0000-7000-8000-000000000000',
      instance: 'general-1',
      hostname: machine,
      pid: 7,
    },
    ...{ concurrency: 4, active: 1, state: 'active' as const, health_port: port, seen_ms_ago: 5 },
    started_at: '2026-01-01T00:00:00Z',
  };
  return {
    pools: [{ pool: 'p', worker: 'general', queues: ['general'], tasks: [], sessions: [session] }],
  };
}

function says(code: number, body: object): RequestListener {
  return (_request, response) => void response.writeHead(code).end(JSON.stringify(body));
}

describe('of the workers of this machine the doctor', () => {
  it('says that those are well who say so', async () => {
    const port = await portOf(says(200, { status: 'healthy', reasons: [] }));
    expect(await checkHealth(workersAt(port))).toMatchObject([{ state: 'ok' }]);
  });

  it('tells what one says that is ill', async () => {
    const port = await portOf(says(503, { status: 'unhealthy', reasons: ['no database'] }));
    const [finding] = await checkHealth(workersAt(port));
    expect(finding).toMatchObject({ state: 'wrong', found: 'general-1 is not well: no database' });
  });

  it('finds one wrong that takes connections and answers nothing: a handler holds its main loop', async () => {
    const port = await portOf(() => undefined);
    const [finding] = await checkHealth(workersAt(port), { withinMs: WITHIN_MS });
    expect(finding).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining('its main loop stands still'),
      mend: expect.stringMatching(/longshore workers.*isolation thread or process/),
    });
  });

  it('finds the same of one that stops within its answer', async () => {
    const port = await portOf((_request, response) => void response.writeHead(200).write('{'));
    expect(await checkHealth(workersAt(port), { withinMs: WITHIN_MS })).toMatchObject([{ state: 'wrong' }]);
  });

  it.each([
    ['behind', 60_000],
    ['ahead of', -60_000],
  ])('finds the clock of one wrong that is %s the platform', async (words, platformAhead) => {
    const port = await portOf(says(200, { status: 'healthy', reasons: [] }));
    const now = () => Date.now() + platformAhead;
    const [finding, ...others] = await checkHealth(workersAt(port), { now });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      ...{ state: 'wrong', check: 'clocks', mend: expect.stringContaining('NTP') },
      found: expect.stringMatching(new RegExp(`^the clock of general-1 is .* ${words} the platform's$`)),
    });
  });

  it('notes one where nobody listens: it may do so on another address', async () => {
    const [finding] = await checkHealth(workersAt(await closedPort()));
    expect(finding).toMatchObject({
      state: 'note',
      found: expect.stringContaining('(ECONNREFUSED)'),
      mend: expect.stringContaining('HOST'),
    });
  });

  it('asks none of other machines', async () => {
    expect(await checkHealth(workersAt(await closedPort(), 'elsewhere'))).toEqual([]);
  });
});

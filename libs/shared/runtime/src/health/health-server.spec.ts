import { createServer } from 'node:http';
import { createServer as createTcpServer, connect } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '../logger/logger.ts';
import type { HealthChecks, HealthServer, HealthServerOptions } from './health-server.ts';
import { createHealthServer } from './health-server.ts';
import { PortInUseError } from './listen.ts';
import { createMetrics } from './metrics.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const well: HealthChecks = {
  health: () => ({ healthy: true, reasons: [], details: {} }),
  ready: () => ({ ready: true }),
};

async function setup(checks: Partial<HealthChecks> = {}, options: Partial<HealthServerOptions> = {}) {
  const server: HealthServer = await createHealthServer({
    worker: 'general',
    host: '127.0.0.1',
    port: { value: 0, explicit: false },
    checks: { ...well, ...checks },
    logger: silentLogger(),
    ...options,
  });
  open.push(server);
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text.startsWith('{') ? text : '{}') as unknown };
  };
  return { server, get };
}

/** Somebody else on a port. */
async function occupy(port = 0): Promise<number> {
  const server: Server = createTcpServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return (server.address() as AddressInfo).port;
}

describe('the health server', () => {
  it('says that it is healthy, in the shape that was promised', async () => {
    let time = 0;
    const clock = { now: () => 0, monotonic: () => time, sleep: () => Promise.resolve() };
    const details = { active_tasks: 3, processed_tasks: 7, queue: 'default', status: 'mine' };
    const { get } = await setup({ health: () => ({ healthy: true, reasons: [], details }) }, { clock });
    time = (25 * 3600 + 61) * 1000 + 999;
    expect(await get('/health')).toMatchObject({
      status: 200,
      text: '{"status":"healthy","worker":"general","uptime":"25:01:01","active_tasks":3,"processed_tasks":7,"reasons":[],"queue":"default"}',
    });
  });

  it('counts no tasks when it was told of none', async () => {
    const { get } = await setup();
    expect((await get('/health')).body).toMatchObject({
      uptime: '00:00:00',
      active_tasks: 0,
      processed_tasks: 0,
    });
  });

  it('says why it is not healthy, without secrets', async () => {
    const reasons = ['cannot reach redis://:hunter2@cache'];
    const { get } = await setup({ health: () => ({ healthy: false, reasons, details: {} }) });
    const { status, text, body } = await get('/health');
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: 'unhealthy', reasons: ['cannot reach redis://:[redacted]@cache'] });
    expect(text).not.toContain('hunter2');
  });

  it('is not healthy and not ready when the checks throw', async () => {
    const fail = (): never => {
      throw new Error('boom');
    };
    const { get } = await setup({ health: fail, ready: fail });
    expect(await get('/health')).toMatchObject({
      status: 503,
      body: { reasons: ['the health check failed: boom'] },
    });
    expect(await get('/ready')).toMatchObject({
      status: 503,
      body: { reason: 'the readiness check failed: boom' },
    });
  });

  it('is alive although it is neither healthy nor ready', async () => {
    const { get } = await setup({
      health: () => ({ healthy: false, reasons: ['x'], details: {} }),
      ready: () => ({ ready: false, reason: 'stopping' }),
    });
    expect((await get('/live')).status).toBe(200);
    expect(await get('/ready')).toMatchObject({
      status: 503,
      body: { status: 'not ready', reason: 'stopping' },
    });
  });

  it('is ready when it is', async () => {
    const { get } = await setup();
    expect(await get('/ready?verbose')).toMatchObject({ status: 200, body: { status: 'ready' } });
  });

  it('shows its metrics, each server its own', async () => {
    const metrics = createMetrics({ worker: 'general' });
    metrics.counter({ name: 'runs_total', help: 'Runs', labelNames: ['state'] }).inc({ state: 'failed' }, 2);
    const { get } = await setup({}, { metrics });
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).toContain('runs_total{state="failed",worker="general"} 2');
    expect(text).toContain('process_cpu_seconds_total');
    const other = await setup({}, { metrics: createMetrics() });
    expect((await other.get('/metrics')).text).not.toContain('runs_total');
  });

  it('answers nothing else', async () => {
    const { get } = await setup();
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics')).status).toBe(404);
    expect((await get('/constructor')).status).toBe(404);
    expect((await get('/health', { method: 'POST' })).status).toBe(405);
    expect((await get('/health', { method: 'HEAD' })).status).toBe(200);
  });

  it('leaves its port to somebody else, answers what it was asked before, and goes on to say how it is', async () => {
    const asked = Promise.withResolvers<void>();
    const said = Promise.withResolvers<{ ready: boolean }>();
    const ready = (): Promise<{ ready: boolean }> => {
      asked.resolve();
      return said.promise;
    };
    const { server, get } = await setup({ ready });
    const before = get('/ready');
    await asked.promise;
    server.leave();
    expect(await occupy(server.port)).toBe(server.port);
    said.resolve({ ready: true });
    expect((await before).status).toBe(200);
    expect(await server.answer({ method: 'GET', path: '/health' })).toMatchObject({ status: 200 });
    expect(await server.answer({ method: 'POST', path: '/health' })).toMatchObject({ status: 405 });
  });

  it('closes although somebody keeps a connection open', async () => {
    const { server } = await setup();
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await server.close();
    await closed;
    const again = createServer();
    again.listen(server.port, '127.0.0.1');
    await once(again, 'listening');
    open.push(again);
  });
});

describe('the port of the health server', () => {
  it('is refused when it was chosen and is busy', async () => {
    const port = await occupy();
    const refused = setup({}, { port: { value: port, explicit: true } });
    await expect(refused).rejects.toThrow(PortInUseError);
    await expect(refused).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use by another process`);
  });

  it('is the next free one when it is only a default', async () => {
    const port = await occupy();
    const { server, get } = await setup({}, { port: { value: port, explicit: false } });
    expect(server.port).toBeGreaterThan(port);
    expect(server.port).toBeLessThanOrEqual(port + 100);
    expect((await get('/live')).status).toBe(200);
  });

  it('does not go beyond the last port', async () => {
    await occupy(65_535);
    const refused = setup({}, { port: { value: 65_535, explicit: false } });
    await expect(refused).rejects.toThrow(PortInUseError);
  });

  it('is not blamed for an address that is not ours', async () => {
    await expect(setup({}, { host: '192.0.2.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});

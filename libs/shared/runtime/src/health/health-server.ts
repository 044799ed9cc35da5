import { createServer } from 'node:http';
import type { Clock } from '../clock/clock.ts';
import { systemClock } from '../clock/clock.ts';
import type { PortChoice } from '../config/schemas.ts';
import type { Logger } from '../logger/logger.ts';
import { redact } from '../logger/redact.ts';
import { listen } from './listen.ts';
import type { Metrics } from './metrics.ts';

/** Whether the process does its work, with the reasons in words when it does not. */
export interface HealthReport {
  healthy: boolean;
  reasons: readonly string[];
  /** Goes into the answer: `active_tasks`, `processed_tasks` (0 when not given) and whatever the worker adds. */
  details: Readonly<Record<string, unknown>>;
}

/** What the process knows of itself. Called at each request, so they must be cheap; throwing counts as "no". */
export interface HealthChecks {
  health(): HealthReport | Promise<HealthReport>;
  ready(): { ready: boolean; reason?: string } | Promise<{ ready: boolean; reason?: string }>;
}

export interface HealthServerOptions {
  worker: string;
  host: string;
  /** A busy port is an error when `explicit`, otherwise a reason to take the next free one (up to 100 above). */
  port: PortChoice;
  checks: HealthChecks;
  metrics?: Pick<Metrics, 'text' | 'contentType'> | undefined;
  logger: Logger;
  clock?: Clock;
}

export interface HealthServer {
  readonly host: string;
  /** The port it listens on, which need not be the one asked for. */
  readonly port: number;
  /** What it answers, whoever asks. Never rejects. */
  answer(question: HealthQuestion): Promise<HealthAnswer>;
  /** Listens no more from now on, so that somebody else can; what it was asked before is still answered. */
  leave(): void;
  /** Resolves when nobody is connected any more; connections are cut. */
  close(): Promise<void>;
}

/** A request for one of its pages. */
export interface HealthQuestion {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
}

export interface HealthAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

type Route = () => Promise<HealthAnswer> | HealthAnswer;

const REQUEST_TIMEOUT_MS = 5000;

/**
 * Serves `/health` (does it work: 200 or 503), `/live` (does its event loop turn: asks no dependency), `/ready` (should
 * it get work) and `/metrics`. Listens when the promise resolves.
 * @throws {PortInUseError}
 */
export async function createHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port: wanted, worker, logger } = options;
  const routes = routesOf(options);
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  let left = false;
  const answer = (question: HealthQuestion): Promise<HealthAnswer> => answerTo(routes, question);
  server.on('request', (request, response) => {
    const question = { method: request.method ?? '', path: request.url?.split('?')[0] ?? '' };
    void answer(question).then(({ status, body, contentType }) => {
      const headers = { 'content-type': contentType, 'cache-control': 'no-store' };
      response.writeHead(status, left ? { ...headers, connection: 'close' } : headers).end(body);
    });
  });
  const port = await listen(server, host, wanted);
  const moved = port !== wanted.value && wanted.value !== 0;
  logger.info('health server listens', {
    host,
    port,
    ...(moved ? { wanted_port: wanted.value } : {}),
    of: worker,
  });
  return {
    host,
    port,
    answer,
    leave: () => {
      left = true;
      server.close();
      // A server that listens no more does not look after slow connections either.
      setTimeout(() => server.closeAllConnections(), REQUEST_TIMEOUT_MS).unref();
    },
    close: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      return promise;
    },
  };
}

function routesOf(options: HealthServerOptions): Readonly<Record<string, Route>> {
  const { worker, checks, metrics, clock = systemClock } = options;
  const startedAt = clock.monotonic();
  return {
    '/health': async () => {
      const { healthy, reasons, details } = await askHealth(checks);
      const uptime = uptimeText(clock.monotonic() - startedAt);
      const said = { ...details, status: healthy ? 'healthy' : 'unhealthy', worker, uptime, reasons };
      const order = { status: '', worker, uptime: '', active_tasks: 0, processed_tasks: 0, reasons: [] };
      return json(healthy ? 200 : 503, { ...order, ...said });
    },
    '/live': () => json(200, { status: 'alive', worker }),
    '/ready': async () => {
      const { ready, reason } = await askReady(checks);
      return json(ready ? 200 : 503, {
        status: ready ? 'ready' : 'not ready',
        worker,
        ...(reason ? { reason } : {}),
      });
    },
    ...(metrics && { '/metrics': () => metricsAnswer(metrics) }),
  };
}

async function askHealth(checks: HealthChecks): Promise<HealthReport> {
  try {
    return await checks.health();
  } catch (error) {
    return { healthy: false, reasons: [`the health check failed: ${messageOf(error)}`], details: {} };
  }
}

async function askReady(checks: HealthChecks): Promise<{ ready: boolean; reason?: string }> {
  try {
    return await checks.ready();
  } catch (error) {
    return { ready: false, reason: `the readiness check failed: ${messageOf(error)}` };
  }
}

async function metricsAnswer(metrics: Pick<Metrics, 'text' | 'contentType'>): Promise<HealthAnswer> {
  return { status: 200, body: await metrics.text(), contentType: metrics.contentType };
}

async function answerTo(
  routes: Readonly<Record<string, Route>>,
  { method, path }: HealthQuestion,
): Promise<HealthAnswer> {
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return json(404, { error: `There is ${Object.keys(routes).join(', ')}` });
  if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'Only GET and HEAD' });
  try {
    return await route();
  } catch (error) {
    return json(500, { error: messageOf(error) });
  }
}

function json(status: number, body: Record<string, unknown>): HealthAnswer {
  return { status, body: JSON.stringify(redact(body)), contentType: 'application/json' };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Hours, minutes and seconds; a hundred hours take three digits. */
function uptimeText(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  const parts = [Math.trunc(seconds / 3600), Math.trunc(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

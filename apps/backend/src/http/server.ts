import { createServer, type Server } from 'node:http';
import { ApiError, apiError, validationError, type Route } from '@longshore/contracts';
import { uuidV7, type Logger } from '@longshore/runtime';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { Authenticate, Caller } from './auth.ts';

/** What a handler gets: parsed input, who calls, and for streams the raw exchange. */
export interface Call<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  readonly request: Request;
  readonly response: Response;
  readonly requestId: string;
}

/** A route with what answers it. The value a handler returns is the JSON answer; undefined: it answered itself. */
export interface MountedRoute {
  readonly mount: (app: express.Express, options: MountOptions) => void;
}

interface MountOptions {
  readonly authenticate: Authenticate;
  readonly logger: Logger;
}

/** Binds a handler to a route of the table, with input and answer typed from it. */
export function handle<P, Q, B, R>(
  route: Route<P, Q, B, R>,
  handler: (call: Call<P, Q, B>) => Promise<R | undefined>,
): MountedRoute {
  const path = route.area === 'internal' ? `/internal${route.path}` : route.path;
  return {
    mount(app, { authenticate, logger }) {
      app[route.method](path, async (request: Request, response: Response) => {
        const requestId = uuidV7();
        response.setHeader('X-Request-Id', requestId);
        try {
          const caller = await authenticate(request, route.auth);
          const input = await parseInput(route, request, response);
          const answer = await handler({ ...input, caller, request, response, requestId });
          if (answer !== undefined) response.json(answer);
        } catch (error) {
          sendError(response, toApiError(error, logger, requestId, path));
        }
      });
    },
  };
}

const parseJson = express.json({ limit: '8mb', strict: false });

async function parseInput<P, Q, B, R>(route: Route<P, Q, B, R>, request: Request, response: Response) {
  if (!route.stream) await readJson(request, response);
  return {
    params: parsePart(route.params, request.params),
    query: parsePart(route.query, request.query),
    body: route.stream ? (undefined as B) : parsePart(route.body, request.body ?? {}),
  };
}

function readJson(request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    parseJson(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? jsonBodyError(error) : error);
    });
  });
}

function jsonBodyError(error: Error): ApiError {
  const tooLarge = (error as { type?: string }).type === 'entity.too.large';
  return tooLarge
    ? apiError('too_large', 'The body is larger than 8 MB')
    : apiError('malformed_request', `The body is not JSON: ${error.message}`);
}

function parsePart<T>(schema: Route<T, T, T, T>['params'], value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw validationError(parsed.error.issues);
  return parsed.data;
}

function toApiError(error: unknown, logger: Logger, requestId: string, path: string): ApiError {
  if (error instanceof ApiError) return error;
  logger.error('Request failed', { request_id: requestId, path, error });
  return apiError(
    'internal_error',
    `Something went wrong on our side; the log names it as request ${requestId}`,
  );
}

/** Answers with an error; a client that is still sending is cut off after its answer. */
export function sendError(response: Response, error: ApiError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.retryAfterSeconds !== undefined)
    response.setHeader('Retry-After', String(error.retryAfterSeconds));
  if (!response.req.complete) {
    response.setHeader('Connection', 'close');
    response.req.resume();
  }
  response.status(error.status).json(error.body);
}

export interface HttpServerOptions extends MountOptions {
  readonly routes: readonly MountedRoute[];
  readonly host: string;
  readonly port: number;
  readonly ready: () => { ready: boolean; reason?: string };
}

export interface HttpServer {
  readonly port: number;
  /** Stops listening and lets requests in flight end until the signal fires. */
  close(deadline: AbortSignal): Promise<void>;
}

/** Serves the routes, `/live` and `/ready`. @throws when the port is busy. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.get('/live', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/ready', (_request, response) => {
    const state = options.ready();
    response.status(state.ready ? 200 : 503).json(state);
  });
  for (const route of options.routes) route.mount(app, options);
  app.use((_request: Request, response: Response) =>
    sendError(response, apiError('not_found', 'No such address')),
  );
  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) =>
    sendError(response, apiError('malformed_request', error.message)),
  );
  const server = createServer(app);
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 0;
  await listen(server, options.host, options.port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: (deadline) => closeServer(server, deadline),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE' ? new Error(`port ${port} is in use: set PORT to another one`) : error,
      ),
    );
    server.listen(port, host, () => resolve());
  });
}

function closeServer(server: Server, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cut = () => server.closeAllConnections();
    if (deadline.aborted) cut();
    else deadline.addEventListener('abort', cut, { once: true });
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

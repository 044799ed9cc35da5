import { createServer, type Server } from 'node:http';
import { apiError, validationError, type ApiError, type Route } from '@longshore/contracts';
import { uuidV7, type Logger } from '@longshore/runtime';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { Authenticate, Caller } from './auth.ts';
import { sendError, toApiError } from './errors.ts';

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
  readonly method: Route<unknown, unknown, unknown, unknown>['method'];
  readonly path: string;
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
    method: route.method,
    path,
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
  for (const [path, methods] of methodsByPath(options.routes)) app.all(path, allowOnly(methods));
  for (const route of options.routes) route.mount(app, options);
  app.use((_request: Request, response: Response) =>
    sendError(response, apiError('not_found', 'No such address')),
  );
  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) =>
    sendError(response, apiError('malformed_request', error.message)),
  );
  const server = createServer(app);
  server.keepAliveTimeout = 65_000;
  // A large upload may take longer than any bound; one that stands still is ended where it is read.
  server.requestTimeout = 0;
  await listen(server, options.host, options.port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: (deadline) => closeServer(server, deadline),
  };
}

function methodsByPath(mounted: readonly MountedRoute[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { method, path } of mounted) {
    methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()]);
  }
  return methods;
}

/** Refuses other methods than these. HEAD too, which express would answer with GET: that may consume a result. */
function allowOnly(methods: readonly string[]) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (methods.includes(request.method)) return next();
    response.setHeader('Allow', methods.join(', '));
    if (request.method === 'OPTIONS') return void response.status(204).end();
    sendError(response, apiError('method_not_allowed', `This address knows ${methods.join(' and ')}`));
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

import { createServer } from 'node:http';
import { apiError, validationError, type ApiError, type JsonValue, type Route } from '@longshore/contracts';
import { uuidV7, type Logger } from '@longshore/runtime';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import type { Act, RequestAudit } from '../audit/request-audit.ts';
import type { Authenticate, Caller } from './auth.ts';
import { allowOrigins } from './cors.ts';
import { complaintAboutJson } from './storable-json.ts';
import { sendError, toApiError } from './errors.ts';
import { sendTagged } from './etag.ts';
import type { Exchange } from './exchange.ts';
import { mountRoutes } from './mount-routes.ts';
import type { TraceRequest } from '../tracing/trace-requests.ts';
import { closeServer, closeWhenIdle, listen } from './listening.ts';
import type { Key } from '../keys/keys.ts';

/** What a handler gets: parsed input, who calls, and for streams the raw exchange. */
export interface Call<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  readonly request: Request;
  readonly response: Response;
  readonly requestId: string;
  /** The administrative act that this is, where the route names one. */
  readonly act: Act;
}

/** A route with what answers it. The value a handler returns is the JSON answer; undefined: it answered itself. */
export interface MountedRoute {
  readonly method: Route<unknown, unknown, unknown, unknown>['method'];
  readonly path: string;
  readonly serve: (options: MountOptions & { track: Track }) => RequestHandler;
}

interface MountOptions {
  /** Told of each answer. */
  readonly answered: (route: { method: string; path: string; status: number }) => void;
  readonly authenticate: Authenticate;
  readonly audit: RequestAudit;
  readonly logger: Logger;
  /** Where the requests of clients are traced. */
  readonly traceRequest?: TraceRequest | undefined;
}

/** Takes note of work that must end before the process may. */
type Track = (work: Promise<void>) => void;

/**
 * Binds a handler to a route of the table, with input and answer typed from it. One that `checksKey` may get a caller who is only
 * believed, and does nothing unless the key is still good; whatever it throws then, the key is looked at before that is answered.
 */
export function handle<P, Q, B, R>(
  route: Route<P, Q, B, R>,
  handler: (call: Call<P, Q, B>) => Promise<R | undefined>,
  { checksKey = false }: { readonly checksKey?: boolean } = {},
): MountedRoute {
  const path = route.area === 'internal' ? `/internal${route.path}` : route.path;
  return {
    method: route.method,
    path,
    serve({ authenticate, audit, logger, track, answered, traceRequest }) {
      const serve = async (request: Request, response: Response): Promise<void> => {
        const requestId = uuidV7();
        const exchange: Exchange = { request, requestId, route: { ...route, path }, key: null };
        const recognised = (key: Key | null) => void (exchange.key = key);
        response.setHeader('X-Request-Id', requestId);
        try {
          const caller = await authenticate(request, { ...route, checksKey }, recognised);
          const work = async () => {
            const input = await parseInput(route, request, response);
            const act = audit.act(exchange);
            return await handler({ ...input, caller, request, response, requestId, act });
          };
          const answer = await work().catch(async (error: unknown) => {
            if (isBelieved(caller)) {
              recognised(null);
              await authenticate(request, route, recognised);
            }
            throw error;
          });
          await audit.succeeded(exchange);
          if (answer !== undefined) sendAnswer(route, request, response, answer);
        } catch (error) {
          sendError(response, await audit.failed(exchange, toApiError(error, logger, requestId, path)));
        } finally {
          answered({ method: route.method, path, status: response.statusCode });
        }
      };
      const { method } = route;
      const traced = route.area === 'public' ? traceRequest : undefined;
      return (request, response) => {
        const work = () => serve(request, response);
        track(traced === undefined ? work() : traced({ request, response, method, path, serve: work }));
      };
    },
  };
}

function isBelieved(caller: Caller): boolean {
  return caller.kind === 'key' && caller.believed === true;
}

/** What the native API reads may be asked for again and again; a deployment's result is read once and never cached. */
function sendAnswer(
  route: Pick<Route<unknown, unknown, unknown, unknown>, 'method' | 'path'>,
  request: Request,
  response: Response,
  answer: unknown,
): void {
  if (route.method === 'get' && route.path.startsWith('/api/v1/')) sendTagged(request, response, answer);
  else response.json(answer);
}

const parseJson = express.json({ limit: '8mb', strict: false });

async function parseInput<P, Q, B, R>(route: Route<P, Q, B, R>, request: Request, response: Response) {
  if (!route.stream) await readJson(request, response);
  // What workers report is stored or fails one by one; people are told at once.
  if (!route.stream && route.area === 'public') refuseUnstorable(request.body);
  return {
    params: parsePart(route.params, request.params),
    query: parsePart(knownQuery(route), request.query),
    body: route.stream ? (undefined as B) : parsePart(route.body, request.body ?? {}),
  };
}

/** A misspelt filter must not pass for none: the native API refuses names that it does not know. */
function knownQuery<P, Q, B, R>({ path, query }: Route<P, Q, B, R>): z.ZodType<Q> {
  const isListed = path.startsWith('/api/v1/') && query instanceof z.ZodObject;
  return isListed ? (query.strict() as unknown as z.ZodType<Q>) : query;
}

function readJson(request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    parseJson(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? jsonBodyError(error) : error);
    });
  });
}

/** @throws ApiError 400 for text, numbers or depths that the database cannot hold. */
function refuseUnstorable(body: unknown): void {
  const complaint = body === undefined ? null : complaintAboutJson(body as JsonValue);
  if (complaint !== null) throw apiError('invalid', complaint, 'body');
}

function jsonBodyError(error: Error): ApiError {
  const tooLarge = (error as { type?: string }).type === 'entity.too.large';
  return tooLarge
    ? apiError('too_large', 'The body is larger than 8 MB')
    : apiError('malformed_request', `The body is not JSON: ${error.message}`);
}

/** One complaint for each name that is not known, with the name as its place. */
export function namingUnknown(issue: z.core.$ZodIssue): Pick<z.core.$ZodIssue, 'path' | 'message'>[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  return issue.keys.map((name) => ({ path: [...issue.path, name], message: 'This name is not known here' }));
}

function parsePart<T>(schema: Route<T, T, T, T>['params'], value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw validationError(parsed.error.issues.flatMap(namingUnknown));
  return parsed.data;
}

export interface HttpServerOptions extends MountOptions {
  readonly routes: readonly MountedRoute[];
  readonly host: string;
  readonly port: number;
  readonly ready: () => { ready: boolean; reason?: string };
  /** Addresses and networks of proxies that are believed when they say where a request came from. */
  readonly trustedProxies: readonly string[];
  /** Pages of these origins may call the public API from a browser. */
  readonly corsOrigins: readonly string[];
}

export interface HttpServer {
  readonly port: number;
  /** Stops listening and lets requests in flight end until the signal fires. No handler runs when it resolves. */
  close(deadline: AbortSignal): Promise<void>;
}

/** Serves the routes, `/live` and `/ready`. @throws when the port is busy. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const inFlight = createInFlight();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.trustedProxies]);
  app.get('/', (_request, response) => response.redirect('/docs'));
  app.get('/live', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/ready', (_request, response) => {
    const state = options.ready();
    response.status(state.ready ? 200 : 503).json(state);
  });
  app.use(['/api/v1', '/deployment', '/tasks', '/schedules'], allowOrigins(options.corsOrigins));
  mountRoutes(
    app,
    options.routes.map(({ serve, ...route }) => ({
      ...route,
      handler: serve({ ...options, track: inFlight.track }),
    })),
  );
  app.use((_request: Request, response: Response) =>
    sendError(response, apiError('not_found', 'No such address')),
  );
  app.use((error: Error, request: Request, response: Response, _next: NextFunction) =>
    sendError(response, outsideOfRoutes(error, options.logger, request.path)),
  );
  const server = createServer(app);
  const dropSilent = closeWhenIdle(server);
  server.keepAliveTimeout = 65_000;
  // A large upload may take longer than any bound; one that stands still is ended where it is read.
  server.requestTimeout = 0;
  await listen(server, options.host, options.port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async close(deadline) {
      await closeServer(server, deadline, dropSilent);
      await inFlight.ended();
    },
  };
}

function createInFlight() {
  const works = new Set<Promise<void>>();
  const track: Track = (work) => {
    works.add(work);
    void work.finally(() => works.delete(work));
  };
  return { track, ended: () => Promise.all(works) };
}

/** An address that cannot be decoded ends here, and whatever else goes wrong before a handler has it. */
function outsideOfRoutes(error: Error, logger: Logger, path: string): ApiError {
  return error instanceof URIError
    ? apiError('malformed_request', error.message)
    : toApiError(error, logger, uuidV7(), path);
}

import { apiError } from '@longshore/contracts';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import { sendError } from './errors.ts';

export interface AddressedHandler {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As Express writes it: `:name` stands for anything but a slash. */
  readonly path: string;
  readonly handler: RequestHandler;
}

/**
 * Mounts each handler at its address; other methods of a known address are refused with 405. Express walks through all that is mounted for
 * each request, so an address without parameters, which those that are asked many times a second have, is looked up instead.
 */
export function mountRoutes(app: Express, routes: readonly AddressedHandler[]): void {
  const known = methodsByPath(routes);
  const fixed = new Map(
    routes.filter(({ path }) => !hasParameters(path)).map((route) => [nameOf(route), route.handler]),
  );
  app.use((request: Request, response: Response, next: NextFunction) => {
    const handler = fixed.get(nameOf(request));
    if (handler === undefined) next();
    else return handler(request, response, next);
  });
  for (const [path, methods] of known) app.all(path, allowOnly(methods, addressesOf(path, known)));
  for (const { method, path, handler } of routes) if (hasParameters(path)) app[method](path, handler);
}

function nameOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method.toUpperCase()} ${plain(path)}`;
}

/** As lenient as Express: a slash at the end and capitals do not count. */
function plain(path: string): string {
  return path.replace(/\/$/, '').toLowerCase();
}

function hasParameters(path: string): boolean {
  return path.includes(':');
}

function methodsByPath(mounted: readonly AddressedHandler[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { method, path } of mounted) {
    methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()]);
  }
  return methods;
}

/** Addresses that a path with parameters fits as well, and that are routes of their own. */
function addressesOf(path: string, known: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  return new Set(
    hasParameters(path) ? [...known.keys()].filter((each) => !hasParameters(each)).map(plain) : [],
  );
}

/** Refuses other methods than these. HEAD too, which express would answer with GET: that may consume a result. */
function allowOnly(methods: readonly string[], others: ReadonlySet<string>) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (methods.includes(request.method) || others.has(plain(request.path))) return next();
    response.setHeader('Allow', methods.join(', '));
    if (request.method === 'OPTIONS') return void response.status(204).end();
    sendError(response, apiError('method_not_allowed', `This address knows ${methods.join(' and ')}`));
  };
}

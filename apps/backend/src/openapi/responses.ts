import { errorCodes, type ErrorCode, type Route } from '@longshore/contracts';
import type { JsonSchema, Schemas } from './schemas.ts';

// `any` is the only way to say "whatever its types are".
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyRoute = Route<any, any, any, any>;

const ERROR_BODY = { $ref: '#/components/schemas/ErrorBody' };

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait before the next try.', schema: { type: 'integer' } },
};
const ETAG = {
  ETag: {
    description: 'Send it as `If-None-Match` to be told that nothing changed.',
    schema: { type: 'string' },
  },
};

/** What a route may answer, by status. */
export function responsesOf(name: string, route: AnyRoute, schemas: Schemas): Record<string, JsonSchema> {
  const responses: Record<string, JsonSchema> = {};
  for (const [status, description] of Object.entries(successOf(route))) {
    responses[status] = successResponse(name, route, { description, schemas });
  }
  if (isTagged(route)) responses['304'] = { description: 'It is as the client knows it (`If-None-Match`).' };
  for (const code of refusalsOf(route)) {
    const status = String(errorCodes[code]);
    responses[status] ??= { $ref: `#/components/responses/Error${status}` };
  }
  return responses;
}

function successOf(route: AnyRoute): Readonly<Record<number, string>> {
  return route.documentation.success ?? { 200: 'Done.' };
}

function successResponse(
  name: string,
  route: AnyRoute,
  { description, schemas }: { description: string; schemas: Schemas },
): JsonSchema {
  const { media = 'application/json', examples } = route.documentation;
  const schema =
    media === 'application/json' ? schemas.convert(route.response, 'output', name) : { type: 'string' };
  const example = examples?.response === undefined ? {} : { example: examples.response };
  return {
    description,
    ...(isTagged(route) ? { headers: ETAG } : {}),
    content: { [media]: { schema, ...example } },
  };
}

/** Reads of the native API carry an ETag. */
export function isTagged({ method, path }: AnyRoute): boolean {
  return method === 'get' && path.startsWith('/api/v1/');
}

/** Every code with which a route may refuse: what follows from its shape, and what it names itself. */
export function refusalsOf(route: AnyRoute): ErrorCode[] {
  const { auth, method, path, documentation, withoutKey } = route;
  const codes: ErrorCode[] = ['malformed_request', 'invalid'];
  if (auth !== 'none') codes.push('authentication_failed', withoutKey, 'permission_denied');
  if (auth !== 'none') codes.push('too_many_attempts');
  if (path.includes(':') || auth === 'organisation') codes.push('not_found');
  if (method !== 'get') codes.push('not_found', 'too_large');
  if (method !== 'get' && documentation.errors === undefined) codes.push('conflict');
  codes.push(...(documentation.errors ?? []), 'internal_error', 'unavailable');
  return [...new Set(codes)].sort((a, b) => errorCodes[a] - errorCodes[b]);
}

/** One response for each status with which one of the routes refuses, with all its codes. */
export function errorResponses(routes: readonly AnyRoute[]): Record<string, JsonSchema> {
  const statuses = new Set(routes.flatMap((route) => refusalsOf(route).map((code) => errorCodes[code])));
  const codes = (Object.keys(errorCodes) as ErrorCode[]).filter((code) => statuses.has(errorCodes[code]));
  const byStatus = Map.groupBy(codes, (code) => errorCodes[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [`Error${status}`, errorResponse(status, codes)]),
  );
}

function errorResponse(status: number, codes: readonly ErrorCode[]): JsonSchema {
  const oneOfThem = { properties: { errors: { items: { properties: { code: { enum: codes } } } } } };
  return {
    description: `Refused: ${codes.map((code) => `\`${code}\``).join(', ')}.`,
    ...(status === 429 || status === 503 ? { headers: RETRY_AFTER } : {}),
    content: { 'application/json': { schema: { allOf: [ERROR_BODY, oneOfThem] } } },
  };
}

import type { NextFunction, Request, Response } from 'express';

const ALLOWED_METHODS = 'GET, POST, PUT, PATCH, DELETE';
const ALLOWED_HEADERS = 'Authorization, Content-Type, Idempotency-Key, If-None-Match';
const SHOWN_HEADERS = 'ETag, Retry-After, X-Request-Id, Allow';
/** How long a browser may remember the answer to its preflight, seconds. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of these origins call from a browser. No cookie is ever read here, so nothing but the key that a page
 * was given can act for anybody. With an empty list no answer says a word about it.
 */
export function allowOrigins(origins: readonly string[]) {
  const allowed = new Set(origins);
  return (request: Request, response: Response, next: NextFunction): void => {
    const origin = request.headers.origin;
    if (allowed.size > 0) response.vary('Origin');
    if (origin !== undefined && allowed.has(origin)) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Expose-Headers', SHOWN_HEADERS);
      if (request.method === 'OPTIONS') allowPreflight(response);
    }
    next();
  };
}

function allowPreflight(response: Response): void {
  response.setHeader('Access-Control-Allow-Methods', ALLOWED_METHODS);
  response.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS);
  response.setHeader('Access-Control-Max-Age', String(PREFLIGHT_SECONDS));
}

import type { Tracing } from '@longshore/runtime';
import type { Request, Response } from 'express';

/** A request, and where it goes. */
export interface Traced {
  readonly request: Request;
  readonly response: Response;
  readonly method: string;
  /** As in the table of routes, without what stands in for its parameters. */
  readonly path: string;
  readonly serve: () => Promise<void>;
}

/** Answers a request as part of the trace that its `traceparent` names, or of a new one. */
export type TraceRequest = (traced: Traced) => Promise<void>;

export function traceRequests(tracing: Tracing): TraceRequest {
  return ({ request, response, method, path, serve }) => {
    const verb = method.toUpperCase();
    const attributes = { 'http.request.method': verb, 'http.route': path };
    const parent = request.get('traceparent');
    const span = tracing.start(`${verb} ${path}`, { kind: 'server', attributes, parent });
    return tracing.within(span, async () => {
      try {
        await serve();
      } finally {
        const status = response.statusCode;
        const requestId = String(response.getHeader('X-Request-Id'));
        span.set({ 'http.response.status_code': status, 'longshore.request.id': requestId });
        span.end(status >= 500 ? `answered with ${status}` : undefined);
      }
    });
  };
}

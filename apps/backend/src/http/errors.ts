import type { IncomingMessage } from 'node:http';
import { ApiError, apiError, errorCodes } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { Response } from 'express';
import { ORGANISATION_DELETED } from '../retention/deletions.ts';
import { isOutOfReach, sqlStateOf } from '../store/database.ts';

/** A client that sends on while it is refused gets this long to read why before it is cut off. */
const LINGER_MS = 30_000;

/** What a failed request is told. What is nobody's fault but ours is logged, and told without its cause. */
export function toApiError(error: unknown, logger: Logger, requestId: string, path: string): ApiError {
  if (error instanceof ApiError) return error;
  if (isUnstorableText(error)) {
    return apiError('invalid', 'A text holds characters that cannot be stored, such as NUL', 'body');
  }
  if (sqlStateOf(error) === ORGANISATION_DELETED)
    return apiError('not_found', 'This organisation is deleted');
  if (isOutOfReach(error)) {
    logger.warn('The database is out of reach', { request_id: requestId, path, error });
    return new ApiError(
      errorCodes.unavailable,
      [{ code: 'unavailable', detail: 'Come again in a moment', attr: null }],
      1,
    );
  }
  logger.error('Request failed', { request_id: requestId, path, error });
  return apiError(
    'internal_error',
    `Something went wrong on our side; the log names it as request ${requestId}`,
  );
}

/** What the database says of text that it cannot hold: a NUL character, in JSON also half of a surrogate pair. */
function isUnstorableText(error: unknown): boolean {
  const state = sqlStateOf(error);
  const badJson = state === '22P02' && /type json/.test((error as Error).message);
  return state === '22021' || state === '22P05' || badJson;
}

/**
 * Answers with an error. A client that is still sending gets the answer at once; its connection is closed only when
 * it has sent all, or after a while: closed earlier, the answer would be lost to many clients in a reset.
 */
export function sendError(response: Response, error: ApiError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.retryAfterSeconds !== undefined) {
    response.setHeader('Retry-After', String(error.retryAfterSeconds));
  }
  response.status(error.status);
  if (isStillSending(response.req)) sendAheadOfRequest(response, Buffer.from(JSON.stringify(error.body)));
  else response.json(error.body);
}

function isStillSending({ complete, destroyed, headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return hasBody && !complete && !destroyed;
}

function sendAheadOfRequest(response: Response, body: Buffer): void {
  const { req: request } = response;
  response.setHeader('Connection', 'close');
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', String(body.length));
  response.write(body);
  const finish = () => {
    clearTimeout(patience);
    response.end();
  };
  const patience = setTimeout(finish, LINGER_MS);
  request.once('end', finish);
  request.once('close', finish);
  // The connection is closed at shutdown too, before the time is over.
  response.once('close', finish);
  request.on('error', () => undefined);
  request.resume();
}

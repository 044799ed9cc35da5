import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

/**
 * Answers a read with JSON and its ETag, a hash of the body; with 304 and no body when the client holds the same one
 * already. The answer depends on the key, so no cache in between may keep it for others.
 */
export function sendTagged(request: Request, response: Response, answer: unknown): void {
  const body = Buffer.from(JSON.stringify(answer));
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  response.setHeader('ETag', tag);
  response.setHeader('Cache-Control', 'private, no-cache');
  if (holds(request.headers['if-none-match'], tag)) {
    response.status(304).end();
    return;
  }
  response.type('json').send(body);
}

/** Proxies that compress turn a strong tag into a weak one; for a read both mean the same. */
function holds(condition: string | undefined, tag: string): boolean {
  if (condition === undefined) return false;
  const tags = condition.split(',').map((each) => each.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}

import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { bearer, type Answer } from './http-client.ts';
import type { TestDeployment } from './http-backend.ts';

const BOUNDARY = 'longshore-test-boundary';

export interface Part {
  readonly field: string;
  /** Written into the header as it is; without it the part is no file. */
  readonly filename?: string;
  readonly content: string | Buffer;
  readonly type?: string;
}

export const filePart = (filename: string, content: string | Buffer = 'x', field = 'files'): Part => ({
  field,
  filename,
  content,
});
export const fieldPart = (field: string, content: string): Part => ({ field, content });

/** The bytes of a multipart form, for what no decent client would send. */
export function multipart(parts: readonly Part[], { end = true } = {}): Buffer {
  const bytes = parts.flatMap(({ field, filename, content, type }) => [
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"` +
        (filename === undefined ? '' : `; filename="${filename}"`) +
        (type === undefined ? '' : `\r\nContent-Type: ${type}`) +
        '\r\n\r\n',
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...bytes, Buffer.from(end ? `--${BOUNDARY}--\r\n` : '')]);
}

export const multipartType = `multipart/form-data; boundary=${BOUNDARY}`;

/** Sends bytes as the form, with a length or in chunks, and reads the answer whenever it comes. */
export async function send(
  { url, key }: Pick<TestDeployment, 'url' | 'key'>,
  body: Buffer | AsyncIterable<Buffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const outgoing = request(`${url}/`, {
    method: 'POST',
    headers: { ...bearer(key), 'Content-Type': multipartType, ...headers },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  sendBody(outgoing, body).catch((error: Error) => outgoing.destroy(error));
  const response = await answered;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  outgoing.destroy();
  const answer = { status: response.statusCode!, headers: new Headers(), body: JSON.parse(text) as unknown };
  return answer as Answer;
}

async function sendBody(
  outgoing: ReturnType<typeof request>,
  body: Buffer | AsyncIterable<Buffer>,
): Promise<void> {
  if (Buffer.isBuffer(body)) return void outgoing.end(body);
  const closed = new AbortController();
  outgoing.once('close', () => closed.abort());
  for await (const chunk of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(chunk)) {
      await once(outgoing, 'drain', { signal: closed.signal }).catch(() => undefined);
    }
  }
  outgoing.end();
}

/** Sends the head and a part of the body, then hangs up without a word. */
export function sendAndHangUp(
  { path, url, key }: TestDeployment,
  part: Buffer,
  length: number,
  whenToHangUp: () => Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
    socket.write(
      `POST ${path}/ HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${key}\r\n` +
        `Content-Type: ${multipartType}\r\nContent-Length: ${length}\r\n\r\n`,
    );
    socket.write(part);
    whenToHangUp().then(() => socket.resetAndDestroy(), reject);
  });
  socket.once('error', reject);
  socket.once('close', () => resolve());
  return promise;
}

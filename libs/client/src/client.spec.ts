import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createClient, LongshoreError } from './index.ts';
import { operationsSource } from './operations-source.ts';
import { defaultSleep } from './retries.ts';

type Step = { status?: number; body?: unknown; headers?: Record<string, string> } | Error;

/** A client whose platform answers step by step, and what it was asked and how long it waited. */
function setup(...steps: Step[]) {
  const asked: { method: string; url: string; headers: Headers; body: unknown }[] = [];
  const waited: number[] = [];
  const client = createClient({
    url: 'https://longshore.example.org/',
    key: 'the-key',
    sleep: async (ms) => void waited.push(ms),
    fetch: async (url, init) => {
      asked.push({
        method: init!.method!,
        url: String(url),
        headers: new Headers(init!.headers),
        body: init!.body,
      });
      const step = steps.shift();
      if (step === undefined) throw new Error('one request too many');
      if (step instanceof Error) throw step;
      const { status = 200, body = {}, headers = {} } = step;
      return new Response(JSON.stringify(body), {
        status,
        headers: { 'content-type': 'application/json', ...headers },
      });
    },
  });
  return { client, asked, waited, left: steps };
}

const busy = {
  status: 429,
  headers: { 'retry-after': '7' },
  body: { type: 'client_error', errors: [{ code: 'too_many_executions', detail: 'Too many', attr: null }] },
};

describe('a call', () => {
  it('fills in its address, its query and its key', async () => {
    const { client, asked } = setup({ body: { version: 2 } });
    await client.call('getWorkflowVersion', {
      params: { name: 'a/b', version: 2 },
      query: { organisation: 'q & a' },
    });
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: 'https://longshore.example.org/api/v1/workflows/a%2Fb/versions/2?organisation=q+%26+a',
    });
    expect(asked[0]!.headers.get('authorization')).toBe('Bearer the-key');
  });

  it('sends its body as JSON', async () => {
    const { client, asked } = setup({});
    await client.call('createOrganisation', { body: { name: 'quayside', weight: 2 } });
    expect(asked[0]!.body).toBe('{"name":"quayside","weight":2}');
    expect(asked[0]!.headers.get('content-type')).toBe('application/json');
  });

  it('throws what the platform refused, with its codes', async () => {
    const errors = [{ code: 'not_found', detail: 'No such execution', attr: null }];
    const { client } = setup({
      status: 404,
      body: { type: 'client_error', errors },
      headers: { 'x-request-id': 'r1' },
    });
    const refused = await client.call('execution', { params: { id: 'x' } }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LongshoreError);
    expect(refused).toMatchObject({ status: 404, message: 'No such execution', requestId: 'r1', errors });
    expect((refused as LongshoreError).is('not_found')).toBe(true);
  });

  it('takes the outcomes of a deployment for answers', async () => {
    const { client } = setup({ status: 422, body: { status: 'EXECUTING', message: null } });
    const params = { org: 'o', api_name: 'a' };
    await expect(client.call('executionStatus', { params })).resolves.toEqual({
      status: 'EXECUTING',
      message: null,
    });
  });
});

describe('retries', () => {
  it('of a read: after what the answer asks, else longer from try to try, four tries in all', async () => {
    const { client, waited } = setup(
      { status: 503, headers: { 'retry-after': '3' } },
      new TypeError('fetch failed'),
      { status: 502 },
      { status: 504 },
    );
    await expect(client.call('workers')).rejects.toMatchObject({ status: 504 });
    expect(waited).toHaveLength(3);
    expect(waited[0]).toBe(3000);
    expect(waited[2]).toBeGreaterThan(waited[1]! * 0.99);
  });

  it('of a post: only when nothing can have happened, or it names itself', async () => {
    const files = [{ name: 'a.txt', content: 'a' }];
    const submission = { organisation: 'o', apiName: 'a', files };
    const accepted = { body: { message: { execution_id: 'id' } } };
    const refusedFirst = setup(busy, accepted);
    await expect(refusedFirst.client.submit(submission)).resolves.toBe('id');
    expect(refusedFirst.waited).toEqual([7000]);
    const lost = setup(new TypeError('fetch failed'), accepted);
    await expect(lost.client.submit(submission)).rejects.toThrow('fetch failed');
    const named = setup(new TypeError('fetch failed'), accepted);
    await expect(named.client.submit(submission, { idempotencyKey: 'k' })).resolves.toBe('id');
    expect(named.asked.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['k', 'k']);
  });

  it('never of the read that hands a result out once', async () => {
    const { client, left } = setup({ status: 503 }, {});
    const params = { org: 'o', api_name: 'a' };
    await expect(client.call('executionStatus', { params })).rejects.toMatchObject({ status: 503 });
    expect(left).toHaveLength(1);
  });

  it('end with the reason of the signal', async () => {
    const reason = new Error('enough');
    const { client } = setup(new TypeError('aborted'));
    await expect(client.call('workers', {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const given = new AbortController();
    const slept = defaultSleep(60_000, given.signal);
    given.abort(reason);
    await expect(slept).rejects.toBe(reason);
  });
});

describe('conveniences', () => {
  it('walk through all pages, and no further than asked', async () => {
    const page = (ids: string[], next_cursor: string | null) => ({
      body: { executions: ids.map((execution_id) => ({ execution_id })), next_cursor },
    });
    const { client, asked } = setup(page(['a', 'b'], 'n'), page([], 'm'), page(['c'], null));
    const ids: string[] = [];
    for await (const { execution_id } of client.items('listExecutions', { query: { limit: 2 } }))
      ids.push(execution_id);
    expect(ids).toEqual(['a', 'b', 'c']);
    expect(asked.map(({ url }) => url.split('?')[1])).toEqual([
      'limit=2',
      'limit=2&cursor=n',
      'limit=2&cursor=m',
    ]);
  });

  it('wait until an execution has ended', async () => {
    const { client, asked } = setup(
      { body: { status: 'PENDING' } },
      { body: { status: 'EXECUTING' } },
      { body: { status: 'ERROR' } },
    );
    await expect(client.waitForResult('id')).resolves.toEqual({ status: 'ERROR' });
    expect(asked).toHaveLength(3);
  });
});

it('the operations are those of the route table', async () => {
  const written = await readFile(join(import.meta.dirname, 'operations.ts'), 'utf8');
  expect(written).toBe(operationsSource());
});

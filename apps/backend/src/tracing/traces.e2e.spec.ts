import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPlatform, startTraceReceiver } from '@longshore/testing';
import type { ReceivedSpan, TestPlatform, TraceReceiver } from '@longshore/testing';

const SAMPLES = resolve(import.meta.dirname, '../../../../samples');
const FILES = ['harbour-office.txt', 'saltmarsh-catering.csv', 'tidewater-software.json'];
const CALLER = '00f067aa0ba902b7';

let receiver: TraceReceiver;
let platform: TestPlatform;

beforeAll(async () => {
  receiver = await startTraceReceiver();
  platform = await startPlatform({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
});
afterAll(async () => {
  await platform?.stop();
  await receiver.close();
});

async function ask(
  method: string,
  path: string,
  options: { key: string; body?: unknown; traceparent?: string },
) {
  const { key, body, traceparent } = options;
  const response = await fetch(platform.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(traceparent !== undefined && { traceparent }),
      ...(body !== undefined && !(body instanceof FormData) && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: body instanceof FormData ? body : JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** An organisation with a key and a deployment that reads without fields. */
async function deployed(name: string): Promise<{ path: string; key: string }> {
  const admin = { key: platform.adminKey };
  await ask('POST', '/api/v1/organisations', { ...admin, body: { name } });
  const { key } = await ask('POST', '/api/v1/keys', {
    ...admin,
    body: { kind: 'organisation', name: 'client', organisation: name },
  });
  const documents = [
    { kind: 'workflow', name: 'plain', steps: [{ read: {} }] },
    { kind: 'deployment', api_name: 'plain', workflow: 'plain' },
  ];
  await ask('POST', '/api/v1/apply', { ...admin, body: { organisation: name, documents } });
  return { path: `/deployment/api/${name}/plain`, key: key as string };
}

/** Sends these files and waits for the end. */
async function execute(
  target: { path: string; key: string },
  files: readonly string[],
  traceparent?: string,
) {
  const body = new FormData();
  for (const file of files) body.append('files', new Blob([readFileSync(join(SAMPLES, file))]), file);
  body.append('timeout', '60');
  await ask('POST', target.path, {
    key: target.key,
    body,
    ...(traceparent !== undefined && { traceparent }),
  });
}

const traceOf = (n: number): string => n.toString(16).padStart(32, 'a');
const named = (spans: readonly ReceivedSpan[], name: string) => spans.filter((span) => span.name === name);

/** The spans of a trace once these have come, so many of each name. */
async function trace(traceId: string, wanted: Readonly<Record<string, number>>): Promise<ReceivedSpan[]> {
  const own = (spans: readonly ReceivedSpan[]) => spans.filter((span) => span.traceId === traceId);
  const spans = await receiver.until((all) =>
    Object.entries(wanted).every(([name, count]) => named(own(all), name).length >= count),
  );
  return own(spans);
}

const REQUEST = 'POST /deployment/api/:org/:api_name';

describe('the trace of a request', () => {
  it('goes from the request to its last file, with right parents, for two organisations side by side', async () => {
    const targets = [await deployed('north'), await deployed('south')];
    const sent = [FILES, FILES.slice(0, 2)];
    await Promise.all(targets.map((target, n) => execute(target, sent[n]!, `00-${traceOf(n)}-${CALLER}-01`)));
    const organisations = await Promise.all(
      sent.map(async (files, n) => {
        const spans = await trace(traceOf(n), {
          ...{ [REQUEST]: 1, accept: 1, publish: 1, 'execution.plan': 1, 'execution.finish': 1 },
          ...{ 'file.process': files.length, read: files.length, report: files.length + 2 },
        });
        const [request] = named(spans, REQUEST);
        expect(request).toMatchObject({ parentId: CALLER, kind: 2, service: 'longshore-backend' });
        expect(request!.attributes).toMatchObject({ 'http.response.status_code': 200 });
        for (const name of ['accept', 'publish', 'execution.plan', 'file.process', 'execution.finish']) {
          for (const span of named(spans, name))
            expect([name, span.parentId]).toEqual([name, request!.spanId]);
        }
        const attempts = [
          ...named(spans, 'execution.plan'),
          ...named(spans, 'file.process'),
          ...named(spans, 'execution.finish'),
        ];
        expect(attempts).toHaveLength(files.length + 2);
        for (const { spanId } of attempts) {
          const parts = spans.filter(({ parentId }) => parentId === spanId).map(({ name }) => name);
          expect(parts.toSorted()).toEqual(['claim', 'execute', 'report']);
        }
        const byId = new Map(spans.map((span) => [span.spanId, span]));
        for (const read of named(spans, 'read')) {
          const execute = byId.get(read.parentId)!;
          expect([execute.name, byId.get(execute.parentId)!.name]).toEqual(['execute', 'file.process']);
          expect(read.service).toBe('longshore-file-processing');
        }
        expect(new Set(attempts.map(({ attributes }) => attributes['longshore.execution.id'])).size).toBe(1);
        return new Set(attempts.map(({ attributes }) => attributes['longshore.organisation.id']));
      }),
    );
    expect(organisations.map((ids) => ids.size)).toEqual([1, 1]);
    expect(organisations[0]).not.toEqual(organisations[1]);
  });

  it('has every attempt of a task that is tried again, the failed one with its reason', async () => {
    const traceId = traceOf(7);
    await ask('POST', '/tasks/submit', {
      key: platform.apiKey,
      body: { task_name: 'example_failing', parameters: { times: 1 } },
      traceparent: `00-${traceId}-${CALLER}-01`,
    });
    const spans = await trace(traceId, { 'POST /tasks/submit': 1, example_failing: 2 });
    const [request] = spans.filter(({ kind }) => kind === 2);
    expect(named(spans, 'example_failing')).toMatchObject([
      { parentId: request!.spanId, error: expect.any(String), attributes: { 'longshore.attempt': 1 } },
      { parentId: request!.spanId, error: undefined, attributes: { 'longshore.attempt': 2 } },
    ]);
  });

  it('is not recorded when its caller does not record it, and no other trace has its parts', async () => {
    const target = await deployed('west');
    await execute(target, FILES.slice(0, 1), `00-${traceOf(8)}-${CALLER}-00`);
    await execute(target, FILES.slice(0, 1), `00-${traceOf(9)}-${CALLER}-01`);
    const after = await trace(traceOf(9), { 'file.process': 1, 'execution.finish': 1 });
    const executions = new Set(after.map(({ attributes }) => attributes['longshore.execution.id']));
    expect(receiver.spans().filter(({ traceId }) => traceId === traceOf(8))).toEqual([]);
    expect([...executions].filter((id) => id !== undefined)).toHaveLength(1);
    expect(named(receiver.spans(), 'execution.plan').every(({ parentId }) => parentId !== '')).toBe(true);
  });

  it('is known to a backend that did not see the request', async () => {
    const traceId = traceOf(10);
    const parameters = { csv: 'city,amount\nBern,1\n', group_by: 'city', sum: 'amount' };
    await ask('POST', '/tasks/submit', {
      key: platform.apiKey,
      body: { task_name: 'example_data_processing', parameters, delay: 2 },
      traceparent: `00-${traceId}-${CALLER}-01`,
    });
    platform.kill9('backend');
    expect(await trace(traceId, { example_data_processing: 1 })).toEqual(
      expect.arrayContaining([expect.objectContaining({ service: 'longshore-general', error: undefined })]),
    );
  });

  it('is named in the lines of the log that are part of it', () => {
    const logs = join(platform.home, 'logs');
    const lines = readdirSync(logs).flatMap((file) =>
      readFileSync(join(logs, file), 'utf8').trim().split('\n'),
    );
    const ended = lines.filter((line) => line.includes('"run ended"') && line.includes('"file.process"'));
    expect(ended.filter((line) => line.includes(`"trace_id":"${traceOf(0)}"`))).toHaveLength(FILES.length);
  });
});

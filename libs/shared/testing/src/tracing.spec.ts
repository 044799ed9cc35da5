import { afterEach, describe, expect, it } from '@jest/globals';
import { type ConfigError, loadConfig, openTracing, tracingKeys } from '@longshore/runtime';
import type { Logger } from '@longshore/runtime';
import { startTraceReceiver } from './trace-receiver.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${PARENT}-01`;

function recordingLogger() {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const over = (bound: object): Logger => {
    const method = (level: string) => (message: string, fields?: object) =>
      void lines.push({ level, message, fields: { ...bound, ...fields } });
    const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(method) as [
      Logger['info'],
      Logger['info'],
      Logger['info'],
      Logger['info'],
    ];
    return { debug, info, infoSoon: info, warn, error, child: (fields) => over({ ...bound, ...fields }) };
  };
  return { lines, logger: over({}) };
}

async function open(env: Record<string, string>) {
  const { lines, logger } = recordingLogger();
  const config = loadConfig(tracingKeys, { env });
  const tracing = await openTracing({ config, service: 'general', instance: 'general-1', logger });
  cleanups.push(() => tracing?.close());
  return { tracing, lines, logger };
}

async function receiving(env: Record<string, string> = {}) {
  const receiver = await startTraceReceiver();
  cleanups.push(receiver.close);
  const opened = await open({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env });
  return { ...opened, tracing: opened.tracing!, receiver };
}

describe('tracing', () => {
  it.each([
    ['nothing is set', {}],
    ['nobody is named who receives', { OTEL_SERVICE_NAME: 'longshore', OTEL_TRACES_SAMPLER: 'always_on' }],
    ['it is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }],
    [
      'nothing is to be sent',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' },
    ],
  ])('is not there when %s', async (_when, env) => {
    expect((await open(env)).tracing).toBeUndefined();
  });

  it('goes on with the trace of a caller, and what it tells others goes on with it', async () => {
    const { tracing, receiver } = await receiving();
    const request = tracing.start('request', { parent: SAMPLED, kind: 'server', attributes: { size: 7 } });
    await tracing.within(request, () => tracing.span('accept', {}, async () => undefined));
    tracing
      .start('task', { parent: request.traceparent, kind: 'consumer', startedAt: 5_000 })
      .end('it failed');
    request.end();
    await tracing.close();
    const [server, accept, task] = ['request', 'accept', 'task'].map((name) =>
      receiver.spans().find((span) => span.name === name),
    );
    expect(server).toMatchObject({
      ...{
        traceId: TRACE,
        parentId: PARENT,
        name: 'request',
        kind: 2,
        attributes: { size: 7 },
        error: undefined,
      },
      service: 'longshore-general',
    });
    expect(accept).toMatchObject({ traceId: TRACE, parentId: server!.spanId, name: 'accept', kind: 1 });
    expect(task).toMatchObject({ parentId: server!.spanId, kind: 5, error: 'it failed' });
    expect(task!.startedAt).toBe(5_000_000_000n);
  });

  it('begins a trace for a caller who names none that can be understood', async () => {
    const { tracing } = await receiving();
    const span = tracing.start('request', { parent: 'yesterday' });
    expect(span.isRecorded).toBe(true);
    expect(span.traceparent).toMatch(new RegExp(`^00-${span.traceId}-[\\da-f]{16}-01$`));
    span.end();
  });

  it.each([
    ['00', false],
    ['01', true],
  ])('leaves to the caller whether it is recorded: flags %s', async (flags, isRecorded) => {
    const { tracing, receiver } = await receiving();
    const span = tracing.start('request', { parent: `00-${TRACE}-${PARENT}-${flags}` });
    expect(span).toMatchObject({ isRecorded, traceId: TRACE });
    span.end();
    await tracing.close();
    expect(receiver.spans()).toHaveLength(isRecorded ? 1 : 0);
  });

  it.each([
    ['always_off', undefined],
    ['parentbased_always_off', undefined],
    ['traceidratio', '0'],
    ['parentbased_traceidratio', '0.0'],
  ])('sends nothing with the sampler %s', async (OTEL_TRACES_SAMPLER, arg) => {
    const settings = { OTEL_TRACES_SAMPLER, ...(arg !== undefined && { OTEL_TRACES_SAMPLER_ARG: arg }) };
    const { tracing, receiver } = await receiving(settings);
    await tracing.span('request', {}, async () => undefined);
    await tracing.close();
    expect(receiver.headers).toHaveLength(0);
  });

  it('says who sends, as it was told, and shows the key that the receiver wants', async () => {
    const { tracing, receiver } = await receiving({
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=very%20secret,x-team=docks',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=test',
      OTEL_SERVICE_NAME: 'harbour',
    });
    tracing.start('request').end();
    await tracing.close();
    expect(receiver.spans()).toMatchObject([{ service: 'harbour' }]);
    expect(receiver.headers).toMatchObject([{ 'x-key': 'very secret', 'x-team': 'docks' }]);
  });

  it('names the trace in the lines of the log that are part of it, until that ends', async () => {
    const { tracing, lines, logger } = await receiving();
    const own = tracing.logger(logger).child({ run_id: 'r' });
    const span = tracing.start('request');
    let later = Promise.resolve();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    tracing.within(span, () => {
      own.info('inside');
      later = over.then(() => own.info('afterwards'));
    });
    span.end();
    own.info('outside');
    resolve();
    await later;
    expect(lines.map(({ message, fields }) => [message, fields])).toEqual([
      ['inside', { run_id: 'r', trace_id: span.traceId }],
      ['outside', { run_id: 'r' }],
      ['afterwards', { run_id: 'r' }],
    ]);
  });

  it('costs one line of the log when nobody takes what is sent, and another one when somebody does again', async () => {
    const { tracing, lines, receiver } = await receiving({ OTEL_EXPORTER_OTLP_TIMEOUT: '200' });
    await receiver.close();
    const port = Number(new URL(receiver.url).port);
    const said = (message: string) => lines.filter((line) => line.message === message).length;
    const told = async (message: string) => {
      for (let n = 0; said(message) === 0; n += 1) {
        tracing.start(`attempt ${n}`).end();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await told('traces are not taken');
    tracing.start('another').end();
    const back = await startTraceReceiver(port);
    cleanups.push(back.close);
    await told('traces are taken again');
    expect(lines).toHaveLength(2);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('is closed in time though nobody takes what is left', async () => {
    const { tracing, receiver } = await receiving({ OTEL_EXPORTER_OTLP_TIMEOUT: '2500' });
    await receiver.close();
    tracing.start('last').end();
    const before = performance.now();
    await tracing.close();
    expect(performance.now() - before).toBeLessThan(4_000);
  });

  it('refuses settings that mean nothing, all at once', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'key',
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_TRACES_SAMPLER_ARG: '2',
    };
    const problems = (): string[] => {
      try {
        loadConfig(tracingKeys, { env });
        return [];
      } catch (error) {
        return (error as ConfigError).problems.map(({ name }) => name);
      }
    };
    expect(problems().toSorted()).toEqual(Object.keys(env).toSorted());
  });
});

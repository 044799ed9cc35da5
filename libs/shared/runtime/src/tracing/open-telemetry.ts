import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { RELEASE } from '@longshore/contracts';
import {
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { patientExporter } from './patient-exporter.ts';
import { samplerOf } from './sampler.ts';
import { tracedLogger } from './traced-logger.ts';
import { readTraceparent, writeTraceparent } from './traceparent.ts';
import type { Span, SpanOptions, Tracing, TracingOptions } from './tracing.ts';

/** Spans that wait to be sent; what comes on top is dropped. */
const MOST_WAITING = 4096;
const SEND_EVERY_MS = 1_000;
const LAST_WORDS_MS = 2_000;

/** A span, with what the library knows it by. */
interface OwnSpan extends Span {
  readonly context: Context;
  readonly ended: boolean;
}

/** Tracing by the OpenTelemetry SDK. Its own module, so that it is loaded where traces are wanted and nowhere else. */
export function startTracing({ url, ...options }: TracingOptions & { readonly url: string }): Tracing {
  const { config, logger } = options;
  const exporter = patientExporter({
    ...{ url, logger, headers: config.otlpHeaders, timeoutMs: config.otlpTimeoutMs },
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resourceOf(options)),
    sampler: samplerOf(config.otelTracesSampler, config.otelTracesSamplerArg),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, maxQueueSize: MOST_WAITING, scheduledDelayMillis: SEND_EVERY_MS }),
    ],
  });
  const tracer = provider.getTracer('longshore', RELEASE);
  const storage = new AsyncLocalStorage<OwnSpan>();
  const current = (): OwnSpan | undefined => {
    const span = storage.getStore();
    // What was begun in the course of it and goes on for good is no part of it.
    return span === undefined || span.ended ? undefined : span;
  };
  const start = (name: string, given: SpanOptions = {}): OwnSpan =>
    startSpan(tracer, name, { ...given, parent: given.parent ?? current() });
  return {
    start,
    current,
    within: (span, act) => storage.run(span as OwnSpan, act),
    span: async (name, given, act) => {
      const span = start(name, given);
      try {
        const result = await storage.run(span, () => act(span));
        span.end();
        return result;
      } catch (error) {
        span.end(error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
    logger: (plain) => tracedLogger(plain, () => current()),
    close: () => settledWithin(LAST_WORDS_MS, provider.shutdown()),
  };
}

function resourceOf({ config, service, instance }: TracingOptions): Record<string, string> {
  return {
    'service.namespace': 'longshore',
    'service.version': RELEASE,
    'service.instance.id': instance,
    'host.name': hostname(),
    'process.pid': String(process.pid),
    ...config.otelResourceAttributes,
    'service.name':
      config.otelServiceName ?? config.otelResourceAttributes['service.name'] ?? `longshore-${service}`,
  };
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

function startSpan(tracer: Tracer, name: string, options: SpanOptions): OwnSpan {
  const { parent, kind = 'internal', attributes = {}, startedAt } = options;
  const around =
    typeof parent === 'string' ? remote(parent) : ((parent as OwnSpan | undefined)?.context ?? ROOT_CONTEXT);
  const settings = {
    kind: KINDS[kind],
    attributes,
    ...(startedAt !== undefined && { startTime: new Date(startedAt) }),
  };
  const span = tracer.startSpan(name, settings, around);
  const { traceId, spanId, traceFlags } = span.spanContext();
  const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  let ended = false;
  return {
    traceId,
    traceparent: writeTraceparent({ traceId, spanId, isSampled }),
    isRecorded: isSampled,
    context: trace.setSpan(ROOT_CONTEXT, span),
    get ended() {
      return ended;
    },
    set: (more) => void span.setAttributes(more),
    end: (failure) => {
      if (ended) return;
      ended = true;
      if (failure !== undefined)
        span.setStatus({ code: SpanStatusCode.ERROR, message: failure.slice(0, 1000) });
      span.end();
    },
  };
}

function remote(traceparent: string): Context {
  const found = readTraceparent(traceparent);
  if (found === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = found;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** Resolves when the work has ended in whatever way, or after this time. */
async function settledWithin(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
}

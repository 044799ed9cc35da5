import type { Config } from '../config/load-config.ts';
import type { Logger } from '../logger/logger.ts';

/** A piece of work with a beginning and an end, that belongs to a trace. */
export interface Span {
  readonly traceId: string;
  /** What those who go on with this work elsewhere are told, in the form of the W3C. */
  readonly traceparent: string;
  /** False: the sampler left it out. It goes nowhere, and neither does what lies below it. */
  readonly isRecorded: boolean;
  set(attributes: Attributes): void;
  /** Ends it, once. `failure`: why the work failed, in words. */
  end(failure?: string): void;
}

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** Whose part it is: a span of this process, or the `traceparent` of another one; what is none counts as absent. Default: the current one. */
  readonly parent?: Span | string | undefined;
  /** Default `internal`. */
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
  /** When it began, milliseconds since 1970. Default: now. */
  readonly startedAt?: number;
}

/** Says what this process does, and how long it takes, to whoever receives traces. No call throws or waits. */
export interface Tracing {
  start(name: string, options?: SpanOptions): Span;
  /** Whatever `act` does is part of the span, until the span ends. */
  within<T>(span: Span, act: () => T): T;
  /** A span around `act`; an error ends it as failed and is thrown on. */
  span<T>(name: string, options: SpanOptions, act: (span: Span) => Promise<T>): Promise<T>;
  /** The span that this is part of, unless it has ended. */
  current(): Span | undefined;
  /** The same logger, whose lines carry the trace that they are part of. */
  logger(logger: Logger): Logger;
  /** Sends what is left, within two seconds. */
  close(): Promise<void>;
}

/** What is to be loaded for `openTracing`. */
export const tracingKeys = [
  ...([
    'otlpEndpoint',
    'otlpTracesEndpoint',
    'otlpHeaders',
    'otlpProtocol',
    'otlpTimeoutMs',
    'otelTracesExporter',
  ] as const),
  ...(['otelSdkDisabled', 'otelServiceName', 'otelResourceAttributes'] as const),
  ...(['otelTracesSampler', 'otelTracesSamplerArg'] as const),
] as const;
export type TracingConfig = Config<(typeof tracingKeys)[number]>;

export interface TracingOptions {
  readonly config: TracingConfig;
  /** What the process is: `backend`, or a worker. */
  readonly service: string;
  /** Which of them it is. */
  readonly instance: string;
  readonly logger: Logger;
}

/** Opens tracing where the configuration asks for it. Else undefined, and nothing of it is loaded. */
export async function openTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { otlpEndpoint, otlpTracesEndpoint, otelTracesExporter, otelSdkDisabled } = options.config;
  const url = otlpTracesEndpoint ?? (otlpEndpoint && `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces`);
  if (url === undefined || otelSdkDisabled || otelTracesExporter === 'none') return undefined;
  const { startTracing } = await import('./open-telemetry.ts');
  return startTracing({ ...options, url });
}

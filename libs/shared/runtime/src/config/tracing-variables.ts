import { z } from 'zod';
import { FLAG_RANGE, flag, text, url, wholeNumber } from './schemas.ts';
import { defaulting, optional } from './variable.ts';

const READ_BY = ['backend', 'worker'] as const;

/** `name=value`, several separated by commas; values may be encoded as in an address. */
const pairs = z.string().transform((spelled, context): Readonly<Record<string, string>> => {
  const entries = spelled.split(',').flatMap((each): [string, string][] => {
    if (each.trim() === '') return [];
    const [, name, value] = /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/.exec(each) ?? [];
    const decoded = value === undefined ? undefined : decodedOf(value);
    if (name !== undefined && decoded !== undefined) return [[name, decoded]];
    context.addIssue({ code: 'custom', message: 'is not a list of name=value' });
    return [];
  });
  return Object.fromEntries(entries);
});

function decodedOf(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

const samplers = [
  ...(['always_on', 'always_off', 'traceidratio'] as const),
  ...(['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'] as const),
] as const;
export type SamplerName = (typeof samplers)[number];

/** Traces, by the names that OpenTelemetry gave these settings. */
export const tracingVariables = {
  otlpEndpoint: optional({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    schema: url(['http', 'https']),
    range: 'an http:// or https:// URL',
    help: 'Traces are sent to `/v1/traces` below this address, as OTLP over HTTP. No traces when neither this nor the next one is set.',
    readBy: READ_BY,
  }),
  otlpTracesEndpoint: optional({
    env: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    schema: url(['http', 'https']),
    range: 'an http:// or https:// URL',
    help: 'Traces are sent to this very address.',
    readBy: READ_BY,
  }),
  otlpHeaders: defaulting('', {
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    schema: pairs,
    range: 'name=value, several separated by commas',
    help: 'Headers that are sent along with traces, for whoever receives them asks for a key.',
    readBy: READ_BY,
    secret: true,
    aliases: ['OTEL_EXPORTER_OTLP_TRACES_HEADERS'],
  }),
  otlpProtocol: defaulting('http/json', {
    env: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    schema: z.enum(['http/json', 'http/protobuf'], 'is not spoken here'),
    range: 'http/json or http/protobuf; JSON is sent for both, to the same address',
    help: 'How traces are sent. There is no gRPC.',
    readBy: READ_BY,
    aliases: ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'],
  }),
  otlpTimeoutMs: defaulting('10000', {
    env: 'OTEL_EXPORTER_OTLP_TIMEOUT',
    schema: wholeNumber(1, 60_000),
    range: '1 to 60000 milliseconds',
    help: 'How long sending a batch of traces may take, all attempts together; then it is dropped.',
    readBy: READ_BY,
    aliases: ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'],
  }),
  otelTracesExporter: defaulting('otlp', {
    env: 'OTEL_TRACES_EXPORTER',
    schema: z.enum(['otlp', 'none'], 'is not known here'),
    range: 'otlp or none',
    help: 'Whether traces are sent.',
    readBy: READ_BY,
  }),
  otelSdkDisabled: defaulting('false', {
    env: 'OTEL_SDK_DISABLED',
    schema: flag,
    range: FLAG_RANGE,
    help: 'Turns traces off, whatever else is set.',
    readBy: READ_BY,
  }),
  otelServiceName: optional({
    env: 'OTEL_SERVICE_NAME',
    schema: text,
    range: 'a name',
    help: 'What the process is called in traces; `longshore-backend`, `longshore-general` and so on when not set.',
    readBy: READ_BY,
  }),
  otelResourceAttributes: defaulting('', {
    env: 'OTEL_RESOURCE_ATTRIBUTES',
    schema: pairs,
    range: 'name=value, several separated by commas',
    help: 'What else traces say of the process, such as `deployment.environment.name=production`.',
    readBy: READ_BY,
  }),
  otelTracesSampler: defaulting('parentbased_always_on', {
    env: 'OTEL_TRACES_SAMPLER',
    schema: z.enum(samplers, 'is not known here'),
    range: samplers.join(', '),
    help: 'Which requests are traced. By default all, except those whose `traceparent` says that they are not.',
    readBy: READ_BY,
  }),
  otelTracesSamplerArg: defaulting('1', {
    env: 'OTEL_TRACES_SAMPLER_ARG',
    schema: z
      .string()
      .regex(/^(0|1|0?\.\d{1,9}|1\.0+)$/, 'is not a part')
      .transform(Number),
    range: '0 to 1',
    help: 'The part of the requests that is traced, for samplers of the kind traceidratio.',
    readBy: READ_BY,
  }),
} as const;

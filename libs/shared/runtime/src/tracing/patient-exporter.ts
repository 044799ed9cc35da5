import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger/logger.ts';

export interface ExporterOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

type Export = SpanExporter['export'];
type Result = Parameters<Parameters<Export>[1]>[0];

/**
 * Sends spans as OTLP. When nobody takes them, that costs them and one line of the log; another one says when they are
 * taken again. Nothing else hears of it.
 */
export function patientExporter({ url, headers, timeoutMs, logger }: ExporterOptions): SpanExporter {
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs });
  let isTaken = true;
  const note = ({ code, error }: Result): void => {
    const wasTaken = isTaken;
    isTaken = code === 0;
    if (wasTaken && !isTaken) logger.warn('traces are not taken', { url, error });
    if (!wasTaken && isTaken) logger.info('traces are taken again', { url });
  };
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        note(result);
        done({ code: 0 });
      }),
    shutdown: () => exporter.shutdown(),
  };
}

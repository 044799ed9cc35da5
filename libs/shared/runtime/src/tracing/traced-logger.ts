import type { Logger } from '../logger/logger.ts';
import type { Span } from './tracing.ts';

/** A logger whose lines say which trace they are part of. */
export function tracedLogger(logger: Logger, current: () => Span | undefined): Logger {
  const method =
    (level: Exclude<keyof Logger, 'child'>): Logger['info'] =>
    (message, fields) => {
      const traceId = current()?.traceId;
      logger[level](message, traceId === undefined ? fields : { trace_id: traceId, ...fields });
    };
  return {
    debug: method('debug'),
    info: method('info'),
    infoSoon: method('infoSoon'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => tracedLogger(logger.child(fields), current),
  };
}

import { Writable } from 'node:stream';
import { createLogger, type Logger, type LogLevel, type RootLogger } from '@longshore/runtime';
import { explainError } from './explain-error.ts';

export interface PlatformLoggerOptions {
  /** Folder of `longshore.log`, in which every line goes. */
  dir: string;
  level: LogLevel;
  /** Where warnings and errors go too, each in one line for a person. */
  tell: (line: string) => void;
  /** Whether warnings are told at the moment; errors always are. */
  tellsWarnings: () => boolean;
}

/** A logger that writes its lines to a file and tells the person at the terminal only what went wrong. */
export function createPlatformLogger(options: PlatformLoggerOptions): RootLogger {
  const { dir, level } = options;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const file = createLogger({ worker: 'longshore', level, dir, destination: nowhere });
  return { ...telling(file, options), close: () => file.close() };
}

function telling(logger: Logger, options: PlatformLoggerOptions): Logger {
  const { tell, tellsWarnings } = options;
  return {
    debug: logger.debug,
    info: logger.info,
    infoSoon: logger.infoSoon,
    warn: (message, fields) => {
      logger.warn(message, fields);
      if (tellsWarnings()) tell(sentence(message, fields));
    },
    error: (message, fields) => {
      logger.error(message, fields);
      tell(sentence(message, fields));
    },
    child: (fields) => telling(logger.child(fields), options),
  };
}

/** The error speaks for itself; without one the constant message and what it is about. */
function sentence(message: string, fields: Record<string, unknown> = {}): string {
  const { error, ...rest } = fields;
  if (error !== undefined) return explainError(error);
  const details = Object.entries(rest).filter(([, value]) => ['string', 'number'].includes(typeof value));
  if (details.length === 0) return message;
  return `${message} (${details.map(([name, value]) => `${name}: ${String(value)}`).join(', ')})`;
}

import { Writable } from 'node:stream';
import {
  type ChildExit,
  createLogger,
  type Logger,
  type LogLevel,
  type RootLogger,
} from '@longshore/runtime';
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

/** What befalls processes of the platform, as a person would say it. */
const IN_WORDS: Readonly<Record<string, (fields: Record<string, unknown>) => string>> = {
  'child died': ({ child, exit }) => {
    const { code, signal } = exit as ChildExit;
    return `${String(child)} ${signal === null ? `ended with ${code}` : `was killed (${signal})`} and is started again`;
  },
  'child is in a crash loop': ({ child, restarts }) =>
    `${String(child)} died again and again (${String(restarts)} times), and is started again less often: its log says more`,
  'second signal': ({ signal }) =>
    `${String(signal)} again: stopped at once. What ran begins again at the next start.`,
};

/** The error speaks for itself; without one the constant message and what it is about. */
function sentence(message: string, fields: Record<string, unknown> = {}): string {
  const { error, ...rest } = fields;
  if (error !== undefined) return explainError(error);
  const words = IN_WORDS[message]?.(rest);
  if (words !== undefined) return words;
  const details = Object.entries(rest).filter(([, value]) => ['string', 'number'].includes(typeof value));
  if (details.length === 0) return message;
  return `${message} (${details.map(([name, value]) => `${name}: ${String(value)}`).join(', ')})`;
}

import { FLAG_RANGE, flag, logLevel, port, seconds, text } from './schemas.ts';
import { defaulting, optional } from './variable.ts';

/** How a process lives on its machine. */
export const processVariables = {
  host: defaulting('127.0.0.1', {
    env: 'HOST',
    schema: text,
    range: 'an address of this machine, or 0.0.0.0 for all',
    help: 'The address on which the API and the health servers listen.',
    readBy: ['backend', 'worker', 'cli'],
  }),
  port: defaulting('8000', {
    env: 'PORT',
    schema: port,
    range: '0 to 65535; 0 takes a free port',
    help: 'The port of the public and the internal API.',
    readBy: ['backend', 'cli'],
  }),
  longshoreHome: defaulting('.longshore', {
    env: 'LONGSHORE_HOME',
    schema: text,
    range: 'a folder',
    help: 'The folder in which the platform keeps what it makes itself.',
    readBy: ['backend', 'cli'],
  }),
  storageDir: defaulting('<LONGSHORE_HOME>/files', {
    env: 'STORAGE_DIR',
    schema: text,
    range: 'a folder',
    help: 'The folder that holds uploaded and produced files.',
    readBy: ['backend', 'cli'],
  }),
  logLevel: defaulting('INFO', {
    env: 'LOG_LEVEL',
    schema: logLevel,
    range: 'DEBUG, INFO, WARNING or ERROR, in any case',
    help: 'Log lines below this level are not written.',
    readBy: ['backend', 'worker', 'cli'],
  }),
  logDir: optional({
    env: 'LONGSHORE_LOG_DIR',
    schema: text,
    range: 'a folder',
    help: 'Log also to `<worker>.log` in this folder, five files of at most 10 MB.',
    readBy: ['backend', 'worker', 'cli'],
  }),
  shutdownGraceMs: defaulting('30', {
    env: 'SHUTDOWN_GRACE',
    schema: seconds(0, 3600),
    range: '0 to 3600 seconds',
    help: 'How long a process that was told to stop may finish what it does before it gives the rest back.',
    readBy: ['backend', 'worker', 'cli'],
  }),
  parentPipe: defaulting('false', {
    env: 'LONGSHORE_PARENT_PIPE',
    schema: flag,
    range: FLAG_RANGE,
    help: 'Stop when standard input closes; set by the process that started this one.',
    readBy: ['backend', 'worker'],
  }),
  bootstrapFile: optional({
    env: 'LONGSHORE_BOOTSTRAP_FILE',
    schema: text,
    range: 'a file',
    help: 'Make the first organisation and its keys at the start, and write them here; `longshore up` sets it.',
    readBy: ['backend'],
  }),
} as const;

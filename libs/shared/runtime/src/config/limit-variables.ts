import { bytes, origins, wholeNumber } from './schemas.ts';
import { defaulting } from './variable.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** What the backend accepts, and how much of it at once. */
export const limitVariables = {
  maxParallelFiles: defaulting('4', {
    env: 'MAX_PARALLEL_FILES',
    schema: wholeNumber(1, 1000),
    range: '1 to 1000',
    help: 'How many files of one execution are worked on at once, where no organisation or deployment says otherwise.',
    readBy: ['backend'],
  }),
  maxUnfinishedPerOrganisation: defaulting('20', {
    env: 'MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION',
    schema: wholeNumber(1, 1_000_000),
    range: '1 to 1000000',
    help: 'How many executions of one organisation may be unfinished before more are refused.',
    readBy: ['backend'],
  }),
  maxUnfinished: defaulting('100', {
    env: 'MAX_UNFINISHED_EXECUTIONS',
    schema: wholeNumber(1, 1_000_000),
    range: '1 to 1000000',
    help: 'How many executions of all organisations may be unfinished before more are refused.',
    readBy: ['backend'],
  }),
  maxWaitingRuns: defaulting('100000', {
    env: 'MAX_WAITING_RUNS',
    schema: wholeNumber(1, 100_000_000),
    range: '1 to 100000000',
    help: 'How many runs may wait to be executed, for example while the broker is away, before no more executions are accepted.',
    readBy: ['backend'],
  }),
  maxFileBytes: defaulting('100 MiB', {
    env: 'MAX_FILE_BYTES',
    schema: bytes(1, 100 * GIB),
    range: '1 to 100 GiB, in bytes or with KiB, MiB, GiB',
    help: 'A file larger than this is refused.',
    readBy: ['backend', 'general'],
  }),
  maxRequestBytes: defaulting('1 GiB', {
    env: 'MAX_REQUEST_BYTES',
    schema: bytes(MIB, 1024 * GIB),
    range: '1 MiB to 1024 GiB, in bytes or with KiB, MiB, GiB',
    help: 'A request larger than this is refused.',
    readBy: ['backend'],
  }),
  maxFilesPerRequest: defaulting('32', {
    env: 'MAX_FILES_PER_REQUEST',
    schema: wholeNumber(1, 10_000),
    range: '1 to 10000',
    help: 'A request with more files than this is refused.',
    readBy: ['backend'],
  }),
  corsOrigins: defaulting('', {
    env: 'CORS_ORIGINS',
    schema: origins,
    range: 'origins separated by commas, for example https://app.example.org',
    help: 'Pages of these origins may call the public API from a browser; none when not set.',
    readBy: ['backend'],
  }),
} as const;

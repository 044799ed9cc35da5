import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { FetchError, FolderError, S3Error } from '@longshore/connectors';
import {
  bytesOf,
  coreWorkers,
  LONGEST_PATH_BYTES,
  MOST_SKIPPED_TOLD,
  pipelineTasks,
  planPipelineInputSchema,
  type ApiError,
  type KnownFile,
  type ListedFilesRequest,
  type PlanPipelineInput,
  type SkippedFile,
  type SkipReason,
} from '@longshore/contracts';
import {
  defineTask,
  fanOut,
  TaskError,
  type ChildTask,
  type FanOut,
  type Task,
  type TaskContext,
} from '@longshore/tasks';
import { openDelivery } from './deliver.ts';
import { inParallel } from './in-parallel.ts';
import { listSource, type SourceFile } from './open-source.ts';
import type { PipelineMeans } from './pipeline-settings.ts';

const [PLAN_QUEUE] = coreWorkers.general.queues;
/** The one that waits behind the files of requests, for which somebody waits. */
const [, FILE_QUEUE] = coreWorkers['file-processing'].queues;

/** Files brought in at the same time: of each a part lies in memory. */
const AT_ONCE = 4;
const UNREAD_IN_ONE_CALL = 200;

/** Begins the execution of a pipeline: reads its source, and has each file processed that is new or was changed. */
export function createPlanPipeline(means: PipelineMeans): Task {
  return defineTask({
    name: pipelineTasks.planPipeline,
    group: 'Pipelines',
    queue: PLAN_QUEUE,
    description: 'Reads the source of a pipeline: one run per file, then one that delivers.',
    input: planPipelineInputSchema,
    handler: (input, context) => planPipeline(input, context, means),
  });
}

/** What became of the files of a source while it was read. */
interface Reading {
  readonly children: Map<number, ChildTask>;
  readonly unread: ListedFilesRequest['unread'];
  readonly skipped: Map<number, SkippedFile>;
}

async function planPipeline(
  input: PlanPipelineInput,
  context: TaskContext,
  means: PipelineMeans,
): Promise<FanOut> {
  const { source, destination, pipeline_id, max_parallel_files: maxParallel } = input;
  await tryDestination(input, context, means);
  const files = await listSource({ source, destination, means, context }).catch(failAsSource);
  context.log.info('Listed the source', { files: files.length });
  const reading: Reading = { children: new Map(), unread: [], skipped: new Map() };
  const unknown = await withoutKnown(files, { context, reading });
  let done = files.length - unknown.length;
  await inParallel(unknown, AT_ONCE, async ({ file, ordinal }) => {
    await bringIn(file, ordinal, { context, reading });
    done += 1;
    context.progress((done / files.length) * 100, `${done} of ${files.length} files read`);
  });
  await tellListed(reading, context);
  const skipped = inOrder(reading.skipped);
  return fanOut({
    children: inOrder(reading.children),
    then: {
      task: pipelineTasks.finishPipeline,
      queue: PLAN_QUEUE,
      input: {
        ...{ pipeline_id, destination, found: files.length, skipped: countsOf(skipped) },
        skipped_files: skipped.slice(0, MOST_SKIPPED_TOLD),
      },
    },
    maxParallel,
  });
}

/** What is wrong with where results go is told before anything is read for it. A folder is looked at with the source. */
async function tryDestination(
  { pipeline_id: pipelineId, destination }: PlanPipelineInput,
  context: TaskContext,
  means: PipelineMeans,
): Promise<void> {
  if (destination === 'none' || destination.folder !== undefined) return;
  const delivery = await openDelivery({ pipelineId, destination, means, context });
  await delivery.close();
}

/** Nothing that is known of the source: the execution fails, and says why. */
function failAsSource(error: unknown): never {
  if (!(error instanceof FolderError || error instanceof S3Error)) throw error;
  const { problem, message } = error;
  throw new TaskError(`source_${problem}`, `The source cannot be read: ${message}`, {
    retryable: ['unreadable', 'unwritable', 'unavailable'].includes(problem),
    cause: error,
  });
}

interface Placed {
  readonly file: SourceFile;
  readonly ordinal: number;
}

const ASKED_IN_ONE_CALL = 500;

/** Without the files that stand as they stood when they were delivered, or failed for the last time: they are not read. */
async function withoutKnown(
  files: readonly SourceFile[],
  { context: { pipelineFiles }, reading }: { context: TaskContext; reading: Reading },
): Promise<Placed[]> {
  const placed = files.map((file, ordinal) => ({ file, ordinal }));
  const asked = files.flatMap(({ path, mark }) =>
    mark === null || complaintAbout(path) !== null ? [] : [{ path, mark }],
  );
  const known = new Map<string, KnownFile>();
  for (let at = 0; at < asked.length; at += ASKED_IN_ONE_CALL) {
    const answer = await pipelineFiles.known(asked.slice(at, at + ASKED_IN_ONE_CALL));
    for (const file of answer) known.set(file.path, file);
  }
  return placed.filter(({ file: { path: file }, ordinal }) => {
    const found = known.get(file);
    if (found !== undefined)
      reading.skipped.set(ordinal, { file, reason: found.reason, sha256: found.sha256 });
    return found === undefined;
  });
}

/** A file that cannot be had fails alone. */
async function bringIn(
  { path, mark, read }: SourceFile,
  ordinal: number,
  { context, reading }: { context: TaskContext; reading: Reading },
): Promise<void> {
  const { pipelineFiles, signal } = context;
  const name = complaintAbout(path);
  if (name !== null) return void reading.unread.push({ ...name, ordinal });
  try {
    const taken = await pipelineFiles.take({ path, ordinal, ...(mark !== null && { mark }) }, () =>
      Readable.from(read(signal), { objectMode: false }),
    );
    const { file_id: fileId, sha256, skipped } = taken;
    if (skipped !== null) reading.skipped.set(ordinal, { file: path, reason: skipped, sha256 });
    else
      reading.children.set(ordinal, {
        ...{ key: fileId, fileId, task: pipelineTasks.processFile, queue: FILE_QUEUE },
        input: { file_name: path, sha256 },
      });
  } catch (error) {
    signal.throwIfAborted();
    const reason = reasonOf(error);
    if (reason === null) throw error;
    context.log.warn('A file could not be read', { file: path, reason });
    reading.unread.push({ path, ordinal, reason: `The file could not be read: ${reason}` });
  }
}

/** A path that is too long to be known by is told as far as it goes, with what tells it from its like. */
function complaintAbout(path: string): { path: string; reason: string } | null {
  if (bytesOf(path) <= LONGEST_PATH_BYTES) return null;
  const mark = `… ${hash('sha256', path).slice(0, 16)}`;
  const shown = Buffer.from(path)
    .subarray(0, LONGEST_PATH_BYTES - 30)
    .toString();
  return {
    path: `${shown.replace(/\uFFFD+$/, '')}${mark}`,
    reason: `The file could not be read: its path is longer than ${LONGEST_PATH_BYTES} bytes`,
  };
}

/** Null: the fault is not the file's. */
function reasonOf(error: unknown): string | null {
  if (error instanceof FolderError || error instanceof FetchError || error instanceof S3Error)
    return error.message;
  const { status } = error as ApiError;
  return status === 413 || status === 400 ? (error as Error).message : null;
}

async function tellListed({ unread }: Reading, { pipelineFiles }: TaskContext): Promise<void> {
  let rest = unread.toSorted((one, other) => one.ordinal - other.ordinal);
  do {
    const part = rest.slice(0, UNREAD_IN_ONE_CALL);
    rest = rest.slice(UNREAD_IN_ONE_CALL);
    await pipelineFiles.listed({ unread: part, complete: rest.length === 0 });
  } while (rest.length > 0);
}

function inOrder<Item>(byOrdinal: ReadonlyMap<number, Item>): Item[] {
  return [...byOrdinal].sort(([one], [other]) => one - other).map(([, item]) => item);
}

function countsOf(skipped: readonly SkippedFile[]) {
  const count = (reason: SkipReason) => skipped.filter((file) => file.reason === reason).length;
  return {
    unchanged: count('unchanged'),
    active_elsewhere: count('active elsewhere'),
    failed_3_times: count('failed 3 times'),
  };
}

import {
  coreWorkers,
  finishPipelineInputSchema,
  pipelineTasks,
  type FinishPipelineInput,
  type PipelineFile,
  type PipelineSummary,
} from '@longshore/contracts';
import { defineTask, TaskError, type Task, type TaskContext, type WorkerMeans } from '@longshore/tasks';
import { openDelivery, type Delivery, type DeliveryMeans } from './deliver.ts';
import { inParallel } from './in-parallel.ts';

const [FINISH_QUEUE] = coreWorkers.general.queues;
/** Results written at the same time: each lies in memory. */
const AT_ONCE = 4;
const MOST_TOLD = 1000;

/** Each delivery is a `step`. Default: it is only done. */
type FinishMeans = DeliveryMeans & Partial<Pick<WorkerMeans, 'step'>>;

/** Ends the execution of a pipeline: delivers what was found, and says what became of each file. */
export function createFinishPipeline(means: FinishMeans): Task {
  return defineTask({
    name: pipelineTasks.finishPipeline,
    group: 'Pipelines',
    queue: FINISH_QUEUE,
    description: 'Delivers what was found in the files of a pipeline, and decides how its execution ended.',
    input: finishPipelineInputSchema,
    handler: (input, context) => finishPipeline(input, context, means),
  });
}

/** How many files came out how, so far. */
interface Tally {
  succeeded: number;
  readonly undelivered: { file: string; reason: string }[];
  firstReason: string | null;
}

async function finishPipeline(
  input: FinishPipelineInput,
  context: TaskContext,
  means: FinishMeans,
): Promise<PipelineSummary> {
  const { pipeline_id: pipelineId, destination } = input;
  const tally: Tally = { succeeded: 0, undelivered: [], firstReason: null };
  const delivery = await openDelivery({ pipelineId, destination, means, context });
  try {
    for (let after = -1; ;) {
      const page = await context.pipelineFiles.after(after);
      if (page.length === 0) break;
      await finishPage(page, { context, delivery, tally, step: means.step ?? withoutTrace });
      after = page.at(-1)!.ordinal;
    }
  } finally {
    await delivery.close();
  }
  return verdict(input, tally);
}

interface Finishing {
  readonly context: TaskContext;
  readonly delivery: Delivery;
  readonly tally: Tally;
  readonly step: WorkerMeans['step'];
}

const withoutTrace: WorkerMeans['step'] = (_name, act) => act();

/**
 * Delivers first and says so after: a crash in between repeats the delivery. What was said before is delivered no more,
 * for by now another execution may have written a newer result there.
 */
async function finishPage(page: readonly PipelineFile[], finishing: Finishing): Promise<void> {
  const { context, tally } = finishing;
  const delivered: string[] = [];
  await inParallel(page, AT_ONCE, async (file) => {
    const reason = await undeliveredBecause(file, finishing);
    if (reason === null) {
      tally.succeeded += 1;
      delivered.push(file.file_id);
    } else tally.firstReason ??= reason;
  });
  const failed = page.filter(({ state }) => state === 'failed').map(({ file_id }) => file_id);
  await context.pipelineFiles.settle({ delivered, failed });
}

async function undeliveredBecause(
  file: PipelineFile,
  { context, delivery, tally, step }: Finishing,
): Promise<string | null> {
  if (file.state !== 'succeeded') return file.error ?? 'it was not processed';
  if (!file.held) return null;
  const result = () => context.pipelineFiles.result(file.file_id);
  const reason = await step('deliver', () => delivery.deliver(file, result));
  if (reason !== null) {
    context.log.warn('A result could not be written', { file: file.path, reason });
    if (tally.undelivered.length < MOST_TOLD) tally.undelivered.push({ file: file.path, reason });
  }
  return reason;
}

/**
 * What the execution comes to. Whatever was found and neither succeeded nor was skipped has failed, for absence is never
 * success. @throws {TaskError} when files were to be processed and none succeeded
 */
export function verdict(
  { found, skipped, skipped_files }: FinishPipelineInput,
  { succeeded, undelivered, firstReason }: Tally,
): PipelineSummary {
  const left = found - skipped.unchanged - skipped.active_elsewhere - skipped.failed_3_times;
  const failed = left - succeeded;
  const summary = { found, succeeded, failed, skipped, skipped_files, undelivered };
  if (succeeded > 0 || failed === 0) return summary;
  const what =
    failed === 1 ? 'The file could not be processed' : `None of the ${failed} files could be processed`;
  const why = firstReason === null ? '' : `: ${firstReason}`;
  throw new TaskError('all_files_failed', `${what}${why}`, { retryable: false, output: summary });
}

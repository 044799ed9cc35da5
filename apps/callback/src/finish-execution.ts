import type { ChildSummary } from '@longshore/contracts';
import { coreWorkers, pipelineTasks } from '@longshore/contracts';
import { defineTask, TaskError } from '@longshore/tasks';
import { z } from 'zod';

const [FINISH_QUEUE] = coreWorkers.callback.queues;

const finishInputSchema = z.object({
  files: z.array(
    z.object({
      ...{ ordinal: z.int().min(0), file_id: z.uuid(), name: z.string(), sha256: z.string().min(1) },
      /** Of the run that read it, where that is not the hash of the content alone. */
      key: z.string().min(1).optional(),
      /** An earlier successful result stands for it, so that no child ran. */
      reused: z.boolean().optional(),
    }),
  ),
});

/** How many files of the request, by name, came out how. The same content under two names counts twice. */
export interface Tally {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** Ends an execution once all its files have: some failed is success with failures, all failed or none at all is failure. */
export const finishExecution = defineTask({
  name: pipelineTasks.finish,
  queue: FINISH_QUEUE,
  description: 'Finishes an execution: counts what became of its files and decides how it ended.',
  input: finishInputSchema,
  softLimitMs: 3_300_000,
  hardLimitMs: 3_600_000,
  handler: ({ files }, { children }) => verdict(tallyOf(files, children), children),
});

/** What became of each file; one without a run of its own counts as failed: absence is never success. */
export function tallyOf(
  files: z.infer<typeof finishInputSchema>['files'],
  children: readonly Pick<ChildSummary, 'key' | 'state'>[],
): Tally {
  const succeededKeys = new Set(children.filter(({ state }) => state === 'succeeded').map(({ key }) => key));
  const succeeded = files.filter(
    ({ sha256, key, reused }) => reused || succeededKeys.has(key ?? sha256),
  ).length;
  return { total: files.length, succeeded, failed: files.length - succeeded };
}

/** The output of the execution. @throws {TaskError} when no file was processed */
export function verdict(tally: Tally, children: readonly Pick<ChildSummary, 'error'>[]): Tally {
  if (tally.succeeded > 0) return tally;
  const [reason] = children.flatMap(({ error }) => (error === null ? [] : [error.message]));
  const why = reason === undefined ? '' : `: ${reason}`;
  throw new TaskError('all_files_failed', `${failureOf(tally)}${why}`, { retryable: false, output: tally });
}

function failureOf({ total }: Tally): string {
  if (total === 0) return 'No file was processed';
  return total === 1 ? 'The file could not be processed' : `None of the ${total} files could be processed`;
}

import { coreWorkers, pipelineTasks } from '@longshore/contracts';
import type { ChildTask, FanOutPlan } from '@longshore/tasks';
import { defineTask, fanOut, TaskError } from '@longshore/tasks';
import { z } from 'zod';

const [PLAN_QUEUE] = coreWorkers['api-deployment'].queues;
const [FILE_QUEUE] = coreWorkers['file-processing'].queues;
const [FINISH_QUEUE] = coreWorkers.callback.queues;

const plannedFileSchema = z.object({
  file_id: z.uuid(),
  name: z.string(),
  size: z.int().min(0),
  sha256: z.string().min(1),
  /** Place in the request. */
  ordinal: z.int().min(0),
  /** Of the run that reads it, where the content alone does not settle its output. */
  key: z.string().min(1).optional(),
  /** The run whose result is taken for it, which stands under the execution already. */
  reused_from: z.uuid().optional(),
});
type PlannedFile = z.infer<typeof plannedFileSchema>;

const planInputSchema = z.object({
  files: z.array(plannedFileSchema),
  max_parallel_files: z.int().min(1),
  workflow_version_id: z.uuid(),
});

/**
 * Plans an execution: one run per distinct content, then one that finishes. The same content under two names is
 * computed once (unless the workflow's rules depend on the name), and one whose earlier result is reused not at all; the finishing run knows all names.
 */
export const planExecution = defineTask({
  name: pipelineTasks.plan,
  queue: PLAN_QUEUE,
  description: 'Plans the execution of an API deployment: one run per file, then one that finishes.',
  input: planInputSchema,
  handler: (input) => fanOut(planOf(input)),
});

/** What an execution with these files consists of. @throws {TaskError} when there are none */
export function planOf({ files, max_parallel_files }: z.infer<typeof planInputSchema>): FanOutPlan {
  if (files.length === 0) {
    throw new TaskError('no_files', 'The request holds no files, so there is nothing to process', {
      retryable: false,
    });
  }
  const ordered = files.toSorted((one, other) => one.ordinal - other.ordinal);
  const distinct = new Map<string, PlannedFile>();
  for (const file of ordered) if (!distinct.has(keyOf(file))) distinct.set(keyOf(file), file);
  const toRun = [...distinct.values()].filter((file) => file.reused_from === undefined);
  return {
    children: toRun.map(fileRun),
    then: {
      task: pipelineTasks.finish,
      queue: FINISH_QUEUE,
      input: {
        files: ordered.map(({ ordinal, file_id, name, sha256, key, reused_from }) => ({
          ...{ ordinal, file_id, name, sha256 },
          ...(key !== undefined && { key }),
          ...(reused_from !== undefined && { reused: true }),
        })),
      },
    },
    maxParallel: max_parallel_files,
  };
}

function keyOf({ key, sha256 }: PlannedFile): string {
  return key ?? sha256;
}

function fileRun(file: PlannedFile): ChildTask {
  const { file_id, name, sha256 } = file;
  return {
    key: keyOf(file),
    task: pipelineTasks.processFile,
    queue: FILE_QUEUE,
    input: { file_name: name, sha256 },
    fileId: file_id,
  };
}

import { type CoreWorkerName, coreWorkerNames, coreWorkers } from '@longshore/contracts';
import { CliError } from '../cli-error.ts';

/** What the settings of a platform say about queues. */
interface ChosenQueues {
  readonly taskQueues: readonly string[];
  readonly queueName: string | undefined;
}

/**
 * Refuses queues that the general worker of a platform has no key for: the backend would not let it in. The other workers are told their own
 * queues, whatever is chosen here. @throws {CliError} that says what to do instead
 */
export function refuseForeignQueues(
  { taskQueues, queueName }: ChosenQueues,
  workers: readonly CoreWorkerName[],
): void {
  const [name, chosen] =
    taskQueues.length > 0 || queueName === undefined
      ? ['TASK_QUEUES', taskQueues]
      : ['QUEUE_NAME', [queueName]];
  const own: readonly string[] = coreWorkers.general.queues;
  const foreign = chosen.filter((queue) => !own.includes(queue));
  if (foreign.length === 0 || !workers.includes('general')) return;
  const owner = coreWorkerNames.find((worker) =>
    (coreWorkers[worker].queues as readonly string[]).includes(foreign[0]!),
  );
  if (owner !== undefined)
    throw new CliError(
      `${name} names ${foreign[0]}, the queue of the worker ${owner}, which serves it anyway: take it out. These settings are for the general worker, which may serve ${own.join(', ')}.`,
    );
  const queues = foreign.join(',');
  throw new CliError(
    `${name} names ${foreign.join(', ')}, and the general worker of a platform may serve only ${own.join(', ')}. ` +
      `Take that out of these settings. Once the platform runs, serve it by a worker with a key of its own: ` +
      `"longshore keys create ${foreign[0]} --kind service --workers general --queues ${queues}" makes one, then ` +
      `"INTERNAL_SERVICE_API_KEY=<key> longshore worker general -q ${queues}".`,
  );
}

import { ConfigError } from '@longshore/runtime';
import { usageError } from '../cli-error.ts';
import type { WorkerFlags } from './worker-program.ts';

/** The options of `longshore worker`, with how the variables end that they set. */
const OPTIONS: readonly (readonly [keyof WorkerFlags, string, string])[] = [
  ['queues', '--queues', 'TASK_QUEUES'],
  ['concurrency', '--concurrency', 'WORKER_CONCURRENCY'],
  ['autoscale', '--autoscale', '_AUTOSCALE'],
  ['port', '--port', '_HEALTH_PORT'],
  ['logLevel', '--log-level', 'LOG_LEVEL'],
  ['name', '--name', 'WORKER_NAME'],
  ['count', '--count', 'WORKER_COUNT'],
];

/** A configuration that an option spoilt is a wrong command line, told by the name of the option; other errors are as they were. */
export function inOptions(error: unknown, flags: WorkerFlags): unknown {
  if (!(error instanceof ConfigError)) return error;
  const problems = error.problems.map((problem) => {
    const found = OPTIONS.find(
      ([flag, , ending]) => flags[flag] !== undefined && problem.name.endsWith(ending),
    );
    return found === undefined ? problem : { ...problem, name: found[1] };
  });
  const isOption = problems.some(({ name }, index) => name !== error.problems[index]?.name);
  if (!isOption) return error;
  const sentences = problems.map(({ name, problem, allowed }) => {
    return `${name} ${problem}.${allowed === undefined ? '' : ` Allowed: ${allowed}.`}`;
  });
  return usageError(sentences.join('\n'), { cause: error });
}

import { defineTask, runProgram, TaskError } from '@longshore/tasks';
import { z } from 'zod';

/** Lists the containers of the Docker engine that the worker can reach. */
export const containers = defineTask({
  name: 'example_containers',
  group: 'DevOps',
  queue: 'devops',
  description: 'Lists the containers of the Docker engine of the worker. Needs docker.',
  input: z.strictObject({ all: z.boolean().default(false).describe('Those that have stopped, too.') }),
  isolation: 'process',
  hardLimitMs: 60_000,
  handler: async ({ all }, context) => {
    const listing = ['ps', '--no-trunc', '--format', '{{json .}}', ...(all ? ['--all'] : [])];
    const { exitCode, result, lastWords } = await runProgram(
      { command: ['docker', ...listing], resultOn: 'stdout', passEnv: ['DOCKER_HOST', 'DOCKER_CONTEXT'] },
      context,
    );
    if (exitCode !== 0 || result === undefined) throw new TaskError('docker_failed', `docker: ${lastWords}`);
    return { containers: containersIn(new TextDecoder().decode(result)) };
  },
});

/** One JSON object a line, of which a few fields matter here. */
export function containersIn(text: string) {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const { ID, Names, Image, State, Status } = JSON.parse(line) as Record<string, string | undefined>;
      return { id: ID, name: Names, image: Image, state: State, status: Status };
    });
}

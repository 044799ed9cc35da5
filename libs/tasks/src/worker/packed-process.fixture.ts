/* Kinds of worker of the tests, packed in one process: `node packed-process.fixture.ts [kinds…]`, told by its environment where everything is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { coreWorker, defineTask, runPacked } from '../index.ts';

const input = z.object({ ms: z.number().default(0) });
const common = { description: 'for tests', input };

const tasks = [
  defineTask({ ...common, name: 'echo', handler: (given) => given }),
  defineTask({
    ...common,
    name: 'sleep',
    handler: async ({ ms }, { signal }) => sleep(ms, 'slept', { signal }),
  }),
  defineTask({ ...common, name: 'deaf', handler: () => new Promise(() => undefined) }),
];

await runPacked({ load: async (kind) => ({ ...coreWorker(kind), tasks, sparesMainLoop: true }) });

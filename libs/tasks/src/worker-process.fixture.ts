/* A worker process of the tests: `node worker-process.fixture.ts [flags]`, told by its environment where everything is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineTask, runWorker } from './index.ts';

const input = z.object({ ms: z.number().default(0), url: z.string().default('') });
const common = { description: 'for tests', input };

/** Keeps the main loop busy without letting go of it once. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

await runWorker({
  name: 'tester',
  defaultHealthPort: 0,
  defaultConcurrency: 4,
  taskFiles: true,
  tasks: [
    defineTask({ ...common, name: 'echo', handler: (given) => given }),
    defineTask({
      ...common,
      name: 'sleep',
      handler: async ({ ms }, { signal }) => sleep(ms, 'slept', { signal }),
    }),
    defineTask({ ...common, name: 'deaf', handler: () => new Promise(() => undefined) }),
    defineTask({ ...common, name: 'block', handler: ({ ms }) => block(ms) }),
    defineTask({ ...common, name: 'ask', handler: async ({ url }) => (await fetch(url)).text() }),
  ],
});

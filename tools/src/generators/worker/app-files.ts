import { type NewWorker, snakeCased } from './plan.ts';

/** The sources of a new app, by their path in it: a worker that has one task, and says so in a spec. */
export function appFiles({ name, queue }: NewWorker): ReadonlyMap<string, string> {
  const task = `${snakeCased(name)}.count_words`;
  return new Map([
    ['src/main.ts', MAIN],
    ['src/worker.ts', WORKER.replaceAll('<worker>', name)],
    ['src/count-words.ts', TASK.replaceAll('<worker>', key(name)).replaceAll('<task>', task)],
    ['src/count-words.spec.ts', SPEC.replaceAll('<worker>', name).replaceAll('<queue>', queue)],
  ]);
}

/** Behind `coreWorkers`. */
function key(name: string): string {
  return name.includes('-') ? `['${name}']` : `.${name}`;
}

const MAIN = `import { runWorker } from '@longshore/tasks';
import { worker } from './worker.ts';

await runWorker(worker);
`;

const WORKER = `import { coreWorker, type WorkerSpec } from '@longshore/tasks';
import { countWords } from './count-words.ts';

/** The worker <worker>. */
export const worker: WorkerSpec = { ...coreWorker('<worker>'), tasks: [countWords] };
`;

const TASK = `import { coreWorkers } from '@longshore/contracts';
import { defineTask } from '@longshore/tasks';
import { z } from 'zod';

const [QUEUE] = coreWorkers<worker>.queues;

/** The first task of this worker. */
export const countWords = defineTask({
  name: '<task>',
  queue: QUEUE,
  description: 'Counts the words of a text.',
  input: z.object({ text: z.string() }),
  handler: ({ text }) => ({ words: text.split(/\\s+/).filter((word) => word !== '').length }),
});
`;

const SPEC = `import { describe, expect, it } from '@jest/globals';
import { runTask } from '@longshore/tasks';
import { countWords } from './count-words.ts';

describe('the first task of <worker>', () => {
  it.each([
    ['two  ships\\nin the harbour', 5],
    ['', 0],
  ])('counts the words of %j', async (text, words) => {
    expect(await runTask(countWords, { text })).toMatchObject({ outcome: 'succeeded', output: { words } });
  });

  it('refuses what is no text', async () => {
    expect(await runTask(countWords, { text: 5 })).toMatchObject({
      ...{ outcome: 'failed', error: { code: 'invalid_input' }, retryAfterMs: null },
    });
  });

  it('waits in the queue of its worker', () => {
    expect(countWords.descriptor.queue).toBe('<queue>');
  });
});
`;

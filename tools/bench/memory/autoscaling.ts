import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { finished, submitTask } from './load.ts';
import type { Stage, Started } from './stage.ts';

export interface AutoscaleFigures {
  /** From the submission of more than there are slots to as many handlers at once as there may be, ms. */
  readonly upMs: number;
  /** Most handlers at once. */
  readonly most: number;
  /** From the end of the last handler to no more slots than the least, ms. */
  readonly downMs: number;
}

/** What the general worker has where nobody chose. */
const SLOTS = { most: 6, least: 2 };
const BACKLOG = 120;
const EACH_MS = 300;
const LOOK_EVERY_MS = 50;

/**
 * A general worker from 2 handlers at once to 6 and back. The task is one that nobody has run yet: of one that was always over in a moment,
 * many would travel together and follow each other in one slot. Its handlers tell themselves when they begin and end.
 */
export async function measureAutoscaling(stage: Stage, folder: string): Promise<AutoscaleFigures> {
  const tasks = join(folder, 'autoscaling');
  const diary = join(folder, 'autoscaling.txt');
  await mkdir(tasks, { recursive: true });
  await writeFile(join(tasks, 'fresh.mjs'), taskFile(diary));
  const workers = await stage.start(['general'], 'separate', { TASKS_DIR: tasks });
  const [{ port }] = workers as [Started];
  try {
    const submitted = Date.now();
    const ids = await Promise.all(
      Array.from({ length: BACKLOG }, () => submitTask(stage, 'bench_fresh', {})),
    );
    await Promise.all(ids.map((id) => finished(stage, id)));
    const back = slotsAre(port, SLOTS.least);
    const { most, mostAt, lastEnd } = read(await readFile(diary, 'utf8'));
    if (most < SLOTS.most) throw new Error(`there were never more than ${most} handlers at once`);
    return { upMs: mostAt - submitted, most, downMs: (await back) - lastEnd };
  } finally {
    await Promise.all(workers.map(({ end }) => end()));
  }
}

function taskFile(diary: string): string {
  return `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { defineTask } from '@longshore/tasks';
    import { z } from 'zod';
    const note = (step) => appendFileSync(${JSON.stringify(diary)}, step + ' ' + Date.now() + '\\n');
    export default defineTask({
      name: 'bench_fresh',
      description: 'takes ${EACH_MS} ms',
      input: z.object({}),
      handler: async () => {
        note('+1');
        await sleep(${EACH_MS});
        note('-1');
      },
    });`;
}

/** Most handlers at once, when there were as many for the first time, and when the last of all ended. */
function read(diary: string): { most: number; mostAt: number; lastEnd: number } {
  const seen = { most: 0, mostAt: 0, lastEnd: 0 };
  let atOnce = 0;
  for (const line of diary.trim().split('\n')) {
    const [step = 0, at = 0] = line.split(' ').map(Number);
    atOnce += step;
    if (atOnce > seen.most) Object.assign(seen, { most: atOnce, mostAt: at });
    seen.lastEnd = at;
  }
  return seen;
}

/** Resolves with the moment at which there are so many. */
async function slotsAre(port: number, slots: number): Promise<number> {
  const by = Date.now() + 120_000;
  for (;;) {
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { concurrency: number };
    if (health.concurrency === slots) return Date.now();
    if (Date.now() > by) throw new Error(`the worker did not come to ${slots} slots within 120 s`);
    await sleep(LOOK_EVERY_MS);
  }
}

import { drive, invoicePart, multipart } from '../load.ts';
import type { Stage } from './stage.ts';

type Platform = Pick<Stage, 'url' | 'apiKey'>;

/** Runs of one execution: plan, two files, finish. */
const RUNS_OF_EXECUTION = 4;
const IN_FLIGHT = 20;

/** So many runs: a fifth of them tasks of the general worker that do nothing, the others executions that read two small files. */
export async function carryOut(platform: Platform, runs: number): Promise<void> {
  const tasks = runs / 5;
  const load = multipart([invoicePart(1), invoicePart(2)], { timeout: '300' });
  await drive(platform, load, (runs - tasks) / RUNS_OF_EXECUTION, IN_FLIGHT);
  let left = tasks;
  const oneAfterTheOther = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await finished(platform, await submit(platform, 0));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, oneAfterTheOther));
}

/** Submits a task of the general worker that takes so many seconds. @returns its id */
export async function submit(platform: Platform, seconds: number): Promise<string> {
  return submitTask(platform, 'example_long_running', { duration: seconds });
}

/** @returns the id of the task */
export async function submitTask(platform: Platform, name: string, parameters: object): Promise<string> {
  const body = JSON.stringify({ task_name: name, parameters });
  const { task_id: id } = (await call(platform, 'POST', '/tasks/submit', body)) as { task_id: string };
  return id;
}

/** Resolves when it is. @throws when it did not succeed */
export async function finished(platform: Platform, id: string): Promise<void> {
  for (;;) {
    const answer = (await call(platform, 'GET', `/tasks/${id}/result?wait=30`)) as { status: string };
    if (answer.status === 'finished') return;
    if (answer.status === 'failed' || answer.status === 'cancelled') throw new Error(JSON.stringify(answer));
  }
}

async function call(
  { url, apiKey }: Platform,
  method: string,
  path: string,
  body?: string,
): Promise<unknown> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, { method, headers, ...(body !== undefined && { body }) });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { PublicApi } from '../runs/public-api.ts';

/** The longest that one request waits for a result; then it asks again. */
const WAIT_SECONDS = 30;

export interface NewTask {
  readonly task_name: string;
  readonly parameters: object;
  readonly priority?: number;
}

/** Connections are kept open, as many as requests are under way. */
const agent = new Agent({ keepAlive: true });

/**
 * One request. Node's own `http`, since a client is to cost as little as possible beside what it measures: with `fetch` a request is 0.3 ms later
 * with its server. @throws Error with the answer when it is refused
 */
export async function ask<Answer>(
  { url, apiKey }: PublicApi,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const bytes = body && Buffer.from(JSON.stringify(body));
  const { status, answer } = await exchange(`${url}${path}`, {
    method,
    bytes,
    headers: { authorization: `Bearer ${apiKey}`, ...(bytes && { 'content-type': 'application/json' }) },
  });
  if (status >= 400) throw new Error(`${method} ${path} answered ${status}: ${answer.slice(0, 300)}`);
  return JSON.parse(answer) as Answer;
}

function exchange(
  url: string,
  { method, headers, bytes }: { method: string; headers: Record<string, string>; bytes: Buffer | undefined },
): Promise<{ status: number; answer: string }> {
  return new Promise((resolve, reject) => {
    const length = bytes && { 'content-length': bytes.length };
    request(url, { agent, method, headers: { ...headers, ...length } }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode!, answer }), reject);
    })
      .on('error', reject)
      .end(bytes);
  });
}

/** @returns the id of the task */
export async function submit(api: PublicApi, task: NewTask): Promise<string> {
  return (await ask<{ task_id: string }>(api, 'POST', '/tasks/submit', task)).task_id;
}

interface BulkAnswer {
  readonly results: readonly { readonly status: string; readonly task_id?: string }[];
}

/** @returns the ids in the order of the tasks @throws when one of them was refused */
export async function submitMany(api: PublicApi, tasks: readonly NewTask[]): Promise<string[]> {
  const { results } = await ask<BulkAnswer>(api, 'POST', '/tasks/submit/bulk', { tasks });
  return results.map((result) => {
    if (result.task_id === undefined) throw new Error(`refused: ${JSON.stringify(result)}`);
    return result.task_id;
  });
}

/** Waits until the task has ended. @returns its result @throws when it did not succeed */
export async function resultOf(api: PublicApi, id: string): Promise<unknown> {
  for (;;) {
    const path = `/tasks/${id}/result?wait=${WAIT_SECONDS}`;
    const answer = await ask<{ status: string; result: unknown }>(api, 'GET', path);
    if (answer.status === 'finished') return answer.result;
    if (answer.status === 'failed' || answer.status === 'cancelled')
      throw new Error(`task ${id}: ${JSON.stringify(answer)}`);
  }
}

/** Does `work` for each item, so many at a time. @returns what came of each, in their order */
export async function sideBySide<Item, Result>(
  clients: number,
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const oneAfterTheOther = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: clients }, oneAfterTheOther));
  return results;
}

/** Parts of a list, of so many each. */
export function partsOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}

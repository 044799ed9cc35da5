import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 200 });
/** The longest that one request waits for a result; then it asks again. */
const WAIT_SECONDS = 30;

/** The public API of a platform, with a key of its organisation. */
export interface PublicApi {
  readonly url: string;
  readonly apiKey: string;
}

/** Submits a task. @returns its id */
export async function submitTask(api: PublicApi, task: string, payload: string): Promise<string> {
  const body = Buffer.from(JSON.stringify({ task_name: task, parameters: { payload } }));
  const { task_id: id } = (await call(api, 'POST', '/tasks/submit', body)) as { task_id: string };
  return id;
}

/** Waits until the task has ended. @returns its result @throws when it did not succeed */
export async function resultOf(api: PublicApi, id: string): Promise<unknown> {
  for (;;) {
    const path = `/tasks/${id}/result?wait=${WAIT_SECONDS}`;
    const answer = (await call(api, 'GET', path)) as { status: string; result: unknown };
    if (answer.status === 'finished') return answer.result;
    if (answer.status === 'failed' || answer.status === 'cancelled')
      throw new Error(`task ${id}: ${JSON.stringify(answer)}`);
  }
}

function call({ url, apiKey }: PublicApi, method: string, path: string, body?: Buffer): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
    };
    const sent = request(`${url}${path}`, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode! < 300) resolve(JSON.parse(text));
        else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

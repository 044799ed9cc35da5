import { Agent, request } from 'node:http';
import { invoicePart, multipart, type Load } from './load.ts';
import type { MeasuredPlatform } from './platform.ts';
import { memoryByName, processTree } from './processes.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 200 });
const SAMPLE_EVERY_MS = 200;

/** Sends a request and reads its answer to the end. @returns how long it took, ms. @throws on a status other than 200 */
function send(
  url: string,
  key: string,
  { method = 'GET', load }: { method?: string; load?: Load } = {},
): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(load && { 'content-type': load.contentType, 'content-length': load.body.length }),
    };
    const call = request(url, { method, agent, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - started);
        else reject(new Error(`${method} ${url} answered ${response.statusCode}`));
      });
    });
    call.once('error', reject);
    call.end(load?.body);
  });
}

/** Runs `total` calls, `clients` at once. @returns the time of each, ms, and of all together. */
async function crowd(clients: number, total: number, call: () => Promise<number>) {
  const times: number[] = [];
  let left = total;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left > 0) {
        left -= 1;
        times.push(await call());
      }
    }),
  );
  return { times, allMs: performance.now() - started };
}

export interface UploadFigures {
  readonly requestsPerSecond: number;
  readonly mebibytesPerSecond: number;
  /** Memory (PSS) of the backend before and at its highest, MiB. */
  readonly memoryBefore: number;
  readonly memoryHighest: number;
}

/** Clients that upload large files at once, and what that does to the backend's memory. */
export async function measureUploads(
  platform: MeasuredPlatform,
  { clients, uploads, mebibytes }: { clients: number; uploads: number; mebibytes: number },
): Promise<UploadFigures> {
  const load = multipart([
    {
      name: 'large.txt',
      content: Buffer.alloc(mebibytes * 1024 * 1024, 'All quiet in the harbour today.\n'),
    },
  ]);
  const backendMemory = () => memoryByName(processTree(process.pid)).get('backend') ?? 0;
  const memoryBefore = backendMemory();
  let memoryHighest = memoryBefore;
  const sampling = setInterval(
    () => (memoryHighest = Math.max(memoryHighest, backendMemory())),
    SAMPLE_EVERY_MS,
  );
  const { allMs } = await crowd(clients, uploads, () =>
    send(deploymentUrl(platform), platform.apiKey, { method: 'POST', load }),
  );
  clearInterval(sampling);
  const requestsPerSecond = (uploads * 1000) / allMs;
  return {
    requestsPerSecond,
    mebibytesPerSecond: requestsPerSecond * mebibytes,
    memoryBefore,
    memoryHighest,
  };
}

/** Times of POSTs of one small file that do not wait for the result, ms. */
export async function measurePosts(
  platform: MeasuredPlatform,
  { clients, posts }: { clients: number; posts: number },
): Promise<number[]> {
  const load = multipart([invoicePart(0)]);
  const post = () => send(deploymentUrl(platform), platform.apiKey, { method: 'POST', load });
  await crowd(clients, Math.ceil(posts / 4), post);
  return (await crowd(clients, posts, post)).times;
}

/** Times of one list query asked again and again, ms. */
export async function measureList(
  platform: MeasuredPlatform,
  query: string,
  samples: number,
): Promise<number[]> {
  const ask = () => send(`${platform.url}/api/v1/executions?${query}`, platform.adminKey);
  for (let i = 0; i < 5; i += 1) await ask();
  return (await crowd(1, samples, ask)).times;
}

function deploymentUrl({ url }: MeasuredPlatform): string {
  return `${url}/deployment/api/default/bench/`;
}

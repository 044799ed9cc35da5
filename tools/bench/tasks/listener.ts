import type { PublicApi } from '../runs/public-api.ts';

export interface HeardLine {
  /** The place of the line among those the task said. */
  readonly n: number;
  /** When it was said and when it was heard, ms since 1970. */
  readonly saidAt: number;
  readonly heardAt: number;
}

export interface Listener {
  /** Resolves once the stream tells that the task has started. */
  readonly started: Promise<void>;
  /** What was heard until the stream's `end`. Rejects when there was none. */
  readonly heard: Promise<HeardLine[]>;
}

interface Event {
  readonly event: string;
  readonly data: string;
}

const STREAM_ENDS_WITHIN_MS = 300_000;
const now = () => performance.timeOrigin + performance.now();

/** Follows the events of a task, as a browser does. */
export function listen(api: PublicApi, taskId: string): Listener {
  const started = Promise.withResolvers<void>();
  const heard = follow(api, taskId, started.resolve);
  heard.catch(started.reject);
  return { started: started.promise, heard };
}

async function follow({ url, apiKey }: PublicApi, taskId: string, onStart: () => void): Promise<HeardLine[]> {
  const answer = await fetch(`${url}/tasks/${taskId}/events`, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(STREAM_ENDS_WITHIN_MS),
  });
  if (!answer.ok) throw new Error(`events of ${taskId}: ${answer.status} ${await answer.text()}`);
  const lines: HeardLine[] = [];
  for await (const { event, data } of eventsIn(answer.body!)) {
    if (event === 'status' && data.includes('"started"')) onStart();
    if (event === 'log') lines.push(lineIn(data));
    if (event === 'end') return lines;
  }
  throw new Error(`the stream of ${taskId} broke off after ${lines.length} lines`);
}

function lineIn(data: string): HeardLine {
  const { fields } = JSON.parse(data) as { fields: { n: number; at: number } };
  return { n: fields.n, saidAt: fields.at, heardAt: now() };
}

async function* eventsIn(body: AsyncIterable<Uint8Array>): AsyncGenerator<Event> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const valueOf = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(block)?.[1];
      const event = valueOf('event');
      if (event !== undefined) yield { event, data: valueOf('data') ?? '' };
    }
  }
}

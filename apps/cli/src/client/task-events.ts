import { setTimeout as pause } from 'node:timers/promises';
import { routes } from '@longshore/contracts';
import type { PlatformClient } from './platform-client.ts';

/** One event of a task, as the platform told it. */
export interface TaskEventText {
  readonly event: string;
  readonly data: { readonly [name: string]: unknown };
}

/** After a stream was lost. */
const AGAIN_MS = 1_000;

/**
 * Tells each event of a task, until the closing one, or until `tell` answers false. A stream that is lost is taken up after the last
 * event that came.
 *
 * @throws ApiError, CliError when the platform refuses, or nobody answers
 */
export async function followTask(
  client: Pick<PlatformClient, 'open'>,
  taskId: string,
  tell: (event: TaskEventText) => unknown,
): Promise<void> {
  let last: string | null = null;
  for (;;) {
    const headers: Record<string, string> = last === null ? {} : { 'last-event-id': last };
    const response = await client.open(routes.taskEvents, { params: { id: taskId }, headers });
    if (response.status === 204) return;
    try {
      for await (const { id, ...event } of eventsIn(response)) {
        last = id;
        if (tell(event) === false || event.event === 'end') return;
      }
    } catch {
      // The connection was cut in between: what follows is asked for anew, and whether anybody answers is told then.
    }
    await pause(AGAIN_MS);
  }
}

async function* eventsIn(response: Response): AsyncGenerator<TaskEventText & { readonly id: string }> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const fields = new Map(part.split('\n').map(fieldOf));
      const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
      if (id === undefined || event === undefined || data === undefined) continue;
      yield { id, event, data: JSON.parse(data) as TaskEventText['data'] };
    }
  }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

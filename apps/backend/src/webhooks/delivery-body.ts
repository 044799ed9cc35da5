import { TEST_EVENT, type JsonValue, type SentEvent } from '@longshore/contracts';

/** An event as it is stored. */
export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Date;
  readonly data: { [key: string]: JsonValue } | null;
}

const SUCCEEDED: readonly string[] = ['execution.completed', 'task.finished', TEST_EVENT];
/** Events that a text names one by one. */
const MOST_TOLD = 20;
const MOST_ERROR_CHARACTERS = 200;

/** An event as receivers get it. */
export function sentEvent({ id, type, occurredAt, data }: StoredEvent): SentEvent {
  return { id: `evt_${id}`, type, timestamp: occurredAt.toISOString(), data: data ?? {} };
}

function summaryOf(events: readonly StoredEvent[]) {
  const succeeded = events.filter(({ type }) => SUCCEEDED.includes(type)).length;
  return { total: events.length, succeeded, failed: events.length - succeeded };
}

/** The body of a delivery, the same for each try. */
export function deliveryBody(form: 'standard' | 'slack', events: readonly StoredEvent[]): string {
  if (form === 'slack') return JSON.stringify({ text: textOf(events) });
  return JSON.stringify({ summary: summaryOf(events), events: events.map(sentEvent) });
}

/** What went wrong comes first: a long text is cut at its end. */
function textOf(events: readonly StoredEvent[]): string {
  const { total, succeeded, failed } = summaryOf(events);
  const [bad, good] = [false, true].map((wanted) =>
    events.filter(({ type }) => SUCCEEDED.includes(type) === wanted),
  );
  const told = [...bad!, ...good!].slice(0, MOST_TOLD).map(lineOf);
  const rest = total - told.length;
  return [
    `Longshore: ${total} ended, ${succeeded} well, ${failed} not`,
    ...told,
    ...(rest > 0 ? [`… and ${rest} more`] : []),
  ].join('\n');
}

function lineOf({ type, data }: StoredEvent): string {
  const what = data?.['deployment'] ?? data?.['task'] ?? '';
  const id = data?.['execution_id'] ?? data?.['task_id'] ?? '';
  const error = String(data?.['error'] ?? '').slice(0, MOST_ERROR_CHARACTERS);
  const words = [type, what, id].filter((word) => word !== '').join(' ');
  return `• ${escaped(error === '' ? words : `${words}: ${error}`)}`;
}

/** These three are all that means anything in a text of Slack beyond its letters; lines are ours. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replace(/\s+/g, ' ');
}

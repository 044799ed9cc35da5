import { describe, expect, it } from '@jest/globals';
import { checkWebhooks, type WebhookHistory } from './check-webhooks.ts';
import type { ReceivedRequest } from './webhook-receiver.ts';

type Event = readonly [type: string, data: object];
const completed: Event = ['execution.completed', { execution_id: 'e' }];
const finished: Event = ['task.finished', { task_id: 't' }];

function request(
  id: string,
  events: readonly Event[],
  changes: Partial<ReceivedRequest> = {},
): ReceivedRequest {
  const body = JSON.stringify({ events: events.map(([type, data]) => ({ type, data })) });
  return { id, body, isGenuine: true, isAnswered: true, ...changes };
}

/** An execution and a task, told in one delivery that was refused once; each test forges something in it. */
function history(changes: Partial<WebhookHistory> = {}): WebhookHistory {
  const both = [completed, finished];
  return {
    requests: [request('d', both, { isAnswered: false }), request('d', both)],
    dead: [],
    endings: new Map([
      ['e', 'execution.completed'],
      ['t', 'task.finished'],
    ]),
    accepted: new Set(['e', 't']),
    ...changes,
  };
}

const kinds = (changes: Partial<WebhookHistory>) =>
  checkWebhooks(history(changes)).violations.map(({ kind }) => kind);

describe('what the receiver was told', () => {
  it('is right when each end was told once, also when its delivery came again', () => {
    const { violations, figures } = checkWebhooks(history());
    expect(violations).toEqual([]);
    expect(figures).toEqual({ events: 2, delivered: 1, repeated: 1, dead: 0, lost: 0, twice: 0 });
  });

  it.each<[string, string[], Partial<WebhookHistory>]>([
    ['an end that was told to nobody', ['lost'], { requests: [request('d', [completed])] }],
    [
      'a delivery that was sent and never taken',
      ['lost'],
      { requests: [request('d', [completed], { isAnswered: false }), request('c', [finished])] },
    ],
    [
      'an end in two deliveries',
      ['doubled'],
      { requests: [request('d', [completed, finished]), request('c', [completed], { isAnswered: false })] },
    ],
    ['an end twice in one', ['doubled'], { requests: [request('d', [completed, completed, finished])] }],
    [
      'an end of another kind',
      ['wrong'],
      { requests: [request('d', [['execution.failed', { execution_id: 'e' }], finished])] },
    ],
    ['an event about nothing of ours', ['foreign'], { accepted: new Set(['e']) }],
    [
      'a forged delivery',
      ['wrong'],
      { requests: [request('d', [completed, finished], { isGenuine: false })] },
    ],
    [
      'a delivery that came again as another',
      ['wrong'],
      { requests: [request('d', [completed, finished]), request('d', [finished, completed])] },
    ],
    ['a delivery given up too early', ['wrong'], { dead: [{ id: 'd', reason: null, refusals: 4 }] }],
    ['nothing where it was refused five times', [], { dead: [{ id: 'd', reason: null, refusals: 5 }] }],
  ])('shows %s', (_what, expected, changes) => {
    expect(kinds(changes)).toEqual(expected);
  });
});

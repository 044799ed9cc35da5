import type { SentEvent } from '@longshore/contracts';
import { type Violation, violation } from './check-ledger.ts';
import type { ReceivedRequest } from './webhook-receiver.ts';

/** A delivery that the platform gave up. */
export interface DeadDelivery {
  readonly id: string;
  readonly reason: string | null;
  /** How often the receiver had not answered it by then. */
  readonly refusals: number;
}

/** What the receiver wrote down, and what the clients know of the executions and tasks that it must have been told of. */
export interface WebhookHistory {
  readonly requests: readonly ReceivedRequest[];
  readonly dead: readonly DeadDelivery[];
  /** What each that ended must be told as, by its id. */
  readonly endings: ReadonlyMap<string, string>;
  /** All that was accepted, ended or not. */
  readonly accepted: ReadonlySet<string>;
}

export interface WebhookFigures {
  /** That were to be told. */
  readonly events: number;
  /** Deliveries that the receiver took. */
  readonly delivered: number;
  /** Requests that came again under the `webhook-id` of an earlier one. */
  readonly repeated: number;
  /** Given up after the receiver had refused them often enough, and delivered when that was asked for. */
  readonly dead: number;
  readonly lost: number;
  readonly twice: number;
}

const TRIES = 5;

/**
 * Holds what arrived against what ended: the end of each is told, genuinely, in exactly one delivery that was taken; a delivery comes
 * again only under its own id and as it was; none is given up before it was refused five times.
 */
export function checkWebhooks(history: WebhookHistory): { violations: Violation[]; figures: WebhookFigures } {
  const deliveries = Map.groupBy(history.requests, ({ id }) => id);
  const told = tellings(deliveries);
  const ends = [...history.endings].flatMap(([subject, type]) =>
    checkEnd(subject, type, told.get(subject) ?? []),
  );
  const strange = [...told.keys()].filter((subject) => !history.accepted.has(subject));
  const violations = [
    ...ends,
    ...strange.map((subject) => violation('foreign', subject, 'an event tells of it, and nobody posted it')),
    ...[...deliveries].flatMap(([id, requests]) => checkDelivery(id, requests)),
    ...history.dead.filter(({ refusals }) => refusals < TRIES).map(tooEarly),
  ];
  const ofKind = (kind: Violation['kind']) => ends.filter((each) => each.kind === kind).length;
  const figures = {
    events: history.endings.size,
    delivered: [...deliveries.values()].filter((requests) => requests.some(({ isAnswered }) => isAnswered))
      .length,
    repeated: history.requests.length - deliveries.size,
    ...{ dead: history.dead.length, lost: ofKind('lost'), twice: ofKind('doubled') },
  };
  return { violations, figures };
}

/** An event as it lay in a delivery. */
interface Telling {
  readonly delivery: string;
  readonly type: string;
  readonly wasTaken: boolean;
}

/** By what is told of: in which deliveries. */
function tellings(deliveries: ReadonlyMap<string, readonly ReceivedRequest[]>): Map<string, Telling[]> {
  const told = new Map<string, Telling[]>();
  for (const [delivery, requests] of deliveries) {
    const wasTaken = requests.some(({ isAnswered }) => isAnswered);
    for (const { type, data } of eventsIn(requests[0]!)) {
      const { execution_id, task_id } = data as { execution_id?: string; task_id?: string };
      const subject = execution_id ?? task_id ?? '';
      told.set(subject, [...(told.get(subject) ?? []), { delivery, type, wasTaken }]);
    }
  }
  return told;
}

function eventsIn({ body }: ReceivedRequest): SentEvent[] {
  return (JSON.parse(body) as { events: SentEvent[] }).events;
}

function checkEnd(subject: string, type: string, told: readonly Telling[]): Violation[] {
  if (!told.some(({ wasTaken }) => wasTaken)) {
    const what =
      told.length === 0 ? 'its end was told to nobody' : 'the delivery that tells its end was never taken';
    return [violation('lost', subject, what)];
  }
  if (told.length > 1) {
    const ids = told.map(({ delivery }) => delivery).join(', ');
    return [violation('doubled', subject, `its end was told ${told.length} times: in ${ids}`)];
  }
  const said = told[0]!.type;
  return said === type ? [] : [violation('wrong', subject, `its end was told as ${said} instead of ${type}`)];
}

function checkDelivery(id: string, requests: readonly ReceivedRequest[]): Violation[] {
  const forged = requests.some(({ isGenuine }) => !isGenuine)
    ? [violation('wrong', id, 'a delivery was not signed as it must be')]
    : [];
  const changed = requests.some(({ body }) => body !== requests[0]!.body)
    ? [violation('wrong', id, 'a delivery came again with another content')]
    : [];
  return [...forged, ...changed];
}

function tooEarly({ id, refusals, reason }: DeadDelivery): Violation {
  const why = reason ?? 'without a reason';
  return violation('wrong', id, `the delivery was given up after ${refusals} refusals: ${why}`);
}

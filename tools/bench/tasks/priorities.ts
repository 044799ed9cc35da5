import type { Servers } from '../runs/servers.ts';
import { partsOf, submitMany, type NewTask } from './client.ts';
import type { Sizes } from './options.ts';
import { orderOf, type Handled, type Order } from './order.ts';
import {
  checkAllSucceeded,
  holdAll,
  lastEnd,
  mostOut,
  noops,
  onStage,
  settled,
  warmUp,
  type Stage,
} from './stage.ts';

export interface MixedFigures extends Order {
  readonly perSecond: number;
  /** How many travelled together, on average. */
  readonly perParcel: number;
}

export interface PrioritiesRound {
  /** Tasks per second that do nothing and have one priority. */
  readonly noop: number;
  /** Priorities 10, 0 and -10 of a type without a queue of its own: three queues. */
  readonly lines: MixedFigures;
  /** Priorities -100 to 100 of a type with a queue of its own: the order in it. */
  readonly levels: MixedFigures;
}

/** So many tasks wait; then the slots are free. */
export function measurePriorities(servers: Servers, sizes: Sizes): Promise<PrioritiesRound> {
  const { tasks, payload } = sizes;
  const [lines, levels] = [mixed('bench.lines', sizes, LINES), mixed('bench.levels', sizes, LEVELS)];
  return onStage(servers, sizes, async (stage) => {
    for (const kind of [noops(sizes.warmUp, payload), lines, levels])
      await warmUp(stage, kind.slice(0, sizes.warmUp));
    const { perSecond: noop } = await drain(stage, noops(tasks, payload));
    return {
      noop,
      lines: await drainInOrder(stage, lines, lineOf),
      levels: await drainInOrder(stage, levels, (priority) => priority),
    };
  });
}

const LINES = [10, 0, -10];
const LEVELS = Array.from({ length: 201 }, (_, index) => index - 100);

/** What the documentation says of tasks without a queue of their own. */
function lineOf(priority: number): number {
  if (priority > 5) return 2;
  return priority < 0 ? 0 : 1;
}

/** Every priority as often as any other, in an order that looks like none but is the same every time. */
function mixed(task: string, { tasks, payload }: Sizes, priorities: readonly number[]): NewTask[] {
  const parameters = { payload: 'x'.repeat(payload) };
  return Array.from({ length: tasks }, (_, index) => {
    const place = (Math.imul(index + 1, 2_654_435_761) >>> 0) % priorities.length;
    return { task_name: task, parameters, priority: priorities[place]! };
  });
}

async function drain(stage: Stage, tasks: readonly NewTask[]) {
  const gate = await holdAll(stage);
  const ids: string[] = [];
  for (const part of partsOf(tasks, stage.sizes.bulk)) ids.push(...(await submitMany(stage.api, part)));
  const openedAt = await gate.open();
  await settled(stage);
  await checkAllSucceeded(stage, ids, tasks.length);
  return { ids, perSecond: (tasks.length * 1000) / ((await lastEnd(stage, ids)) - openedAt) };
}

/** @throws when one was handled before others that go first and were not out beside it */
async function drainInOrder(
  stage: Stage,
  tasks: readonly NewTask[],
  rankOf: (priority: number) => number,
): Promise<MixedFigures> {
  const { ids, perSecond } = await drain(stage, tasks);
  const handled = await readHandled(stage, ids, (index) => rankOf(tasks[index]!.priority!));
  const order = orderOf(handled);
  if (order.mostPassedParcels >= mostOut(stage.sizes))
    throw new Error(
      `order is not kept: a task was handled before ${order.mostPassedParcels} parcels that go first, ` +
        `though no more than ${mostOut(stage.sizes)} are out at once`,
    );
  const parcels = new Set(handled.map(({ parcel }) => parcel)).size;
  return { perSecond, perParcel: tasks.length / parcels, ...order };
}

/** In the order in which the one worker process called their handlers, which each of them tells as its result. */
async function readHandled({ client }: Stage, ids: readonly string[], rankOf: (index: number) => number) {
  const { rows } = await client.query<{ index: number; parcel: string; handled: number }>(
    `select u.place::int - 1 as index, r.dispatch_id as parcel, (r.output ->> 'inline')::int as handled
       from unnest($1::uuid[]) with ordinality as u (id, place) join runs r on r.id = u.id
      order by handled`,
    [ids],
  );
  if (new Set(rows.map(({ handled }) => handled)).size !== ids.length)
    throw new Error(`${rows.length} of ${ids.length} tasks tell when they were handled, or two the same`);
  return rows.map(({ index, parcel }): Handled => ({ rank: rankOf(index), submitted: index, parcel }));
}

import { uuidV7 } from '@longshore/runtime';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { ParcelPlan, Target } from '../dispatch/publication-plan.ts';
import type { NewTask } from './submit.ts';

/**
 * Parcels for tasks that are about to be written: those of one kind and one priority travel together, what waits for its time
 * waits alone.
 */
export function planTasks(
  dispatcher: Pick<Dispatcher, 'planParcels'>,
  tasks: readonly NewTask[],
): ParcelPlan {
  const dispatchIds = tasks.map(() => uuidV7());
  const targets: Record<string, Target> = {};
  const releases: (() => void)[] = [];
  const due = tasks.flatMap((task, index) => (task.delayMs === 0 ? [{ task, index }] : []));
  const groups = [...Map.groupBy(due, ({ task }) => task.priority)].toSorted(([one], [other]) => other - one);
  for (const [, members] of groups) {
    const plan = dispatcher.planParcels(members.map(({ task }) => task));
    members.forEach(({ index }, place) => (dispatchIds[index] = plan.dispatchIds[place]!));
    Object.assign(targets, plan.targets);
    releases.push(plan.release);
  }
  return { dispatchIds, targets, release: () => releases.forEach((release) => release()) };
}

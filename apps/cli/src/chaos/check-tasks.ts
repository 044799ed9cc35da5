import { isDeepStrictEqual } from 'node:util';
import type { TaskStatus } from '@longshore/contracts';
import { type Violation, violation, type ViolationKind } from './check-ledger.ts';
import { hasEnded, type TaskEntry } from './task-load.ts';

/** A file that a task left. */
export interface Effect {
  /** `<tag>.<idempotency key of the run>` */
  readonly name: string;
  readonly content: string;
}

/**
 * Holds the tasks against the promise: each that was accepted finished, once, with the right result, and left one file; no file was left
 * for nothing. [] when it was kept.
 */
export function checkTasks(entries: readonly TaskEntry[], effects: readonly Effect[]): Violation[] {
  const byTag = Map.groupBy(effects, ({ name }) => name.slice(0, name.indexOf('.')));
  const known = new Set(entries.map(({ tag }) => tag));
  const strange = effects
    .filter(({ name }) => !known.has(name.slice(0, name.indexOf('.'))))
    .map(({ name }) => violation('foreign', name, 'nobody submitted it'));
  return [...entries.flatMap((entry) => checkTask(entry, byTag.get(entry.tag) ?? [])), ...strange];
}

function checkTask(entry: TaskEntry, effects: readonly Effect[]): Violation[] {
  const { executionIds, tag, refusal } = entry;
  const about = executionIds[0] ?? tag;
  const given = (kind: ViolationKind, what: string): Violation => violation(kind, about, what);
  if (refusal !== undefined) return [given('refused', refusal)];
  if (executionIds.length === 0)
    return [given('refused', 'it was submitted again and again and never answered')];
  const ids = new Set(executionIds);
  const doubled = ids.size > 1 ? [given('doubled', `one idempotency key made ${[...ids].join(', ')}`)] : [];
  return [
    ...doubled,
    ...checkOrder(entry, given),
    ...checkEnd(entry, given),
    ...checkEffects(entry, effects, given),
  ];
}

type Give = (kind: ViolationKind, what: string) => Violation;

const ranks: Record<TaskStatus, number> = {
  deferred: 0,
  queued: 1,
  started: 2,
  finished: 3,
  failed: 3,
  cancelled: 3,
};

function checkOrder({ statuses }: TaskEntry, given: Give): Violation[] {
  return statuses.flatMap((status, index) => {
    const before = statuses[index - 1];
    return before === undefined || ranks[status] >= ranks[before]
      ? []
      : [given('fell-back', `${before} became ${status}`)];
  });
}

function checkEnd({ first, last, value }: TaskEntry, given: Give): Violation[] {
  if (last === undefined) return [given('lost', 'it could not be read again at the end')];
  if (!hasEnded(last)) return [given('lost', `it did not end, and is ${last.status}`)];
  if (first !== undefined && !isDeepStrictEqual(first, last))
    return [given('fell-back', 'its result changed after its end')];
  if (last.status !== 'finished')
    return [given('wrong', `it ended as ${last.status}: ${JSON.stringify(last.error)}`)];
  if (isDeepStrictEqual(last.result, { doubled: 2 * value })) return [];
  return [given('wrong', `${value} gave ${JSON.stringify(last.result)}`)];
}

function checkEffects({ value }: TaskEntry, effects: readonly Effect[], given: Give): Violation[] {
  const [effect] = effects;
  if (effect === undefined) return [given('lost', 'it left no file')];
  if (effects.length > 1)
    return [
      given(
        'doubled',
        `it took effect in ${effects.length} runs: ${effects.map(({ name }) => name).join(', ')}`,
      ),
    ];
  return effect.content === String(value) ? [] : [given('wrong', `it left ${effect.content} for ${value}`)];
}

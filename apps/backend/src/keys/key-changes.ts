import type { Notifications } from '../events/notifications.ts';

/**
 * Word of changed keys from all backends. What was learnt of a key may be believed for as long as `generation` stays
 * the same and `isCurrent` holds.
 */
export interface KeyChanges {
  /** Another number after each change of any key, and whenever one may have been missed. */
  generation(): number;
  /** Whether every change that is older than a few seconds has been heard of. False while nobody listens. */
  isCurrent(): boolean;
}

/** A trigger on the keys says each change; what was learnt while nobody listened may have changed unheard. */
export function createKeyChanges(notifications: Notifications): KeyChanges {
  let generation = 0;
  const changed = () => void (generation += 1);
  notifications.on('longshore_keys', { heard: changed, missed: changed });
  return { generation: () => generation, isCurrent: notifications.isCurrent };
}

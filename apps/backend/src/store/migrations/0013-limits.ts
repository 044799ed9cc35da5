import { limitChanges } from './0013-limits/changes.ts';
import { limitOpening } from './0013-limits/opening.ts';
import { limitPermits } from './0013-limits/permits.ts';
import { limitTables } from './0013-limits/tables.ts';

/**
 * Limits by key: how many runs of a task go on at once, and how many start in a time, per task, organisation and input.
 *
 * A dispatch of a limited task holds one run and names the keys that count it (`limit_keys`, one for each of the task's limits, coarse
 * to fine). It is not in the waiting lines but parked under one of its keys (`waits_for`) until a publication
 * takes it. While it is published or claimed it holds a permit of each key: the row in `limit_permits` comes and goes by
 * triggers with the dispatch itself, in the transaction of whoever publishes, ends, requeues or deletes it, so that no
 * permit can outlive what it was given for. `limit_starts` remembers claims for as long as a rate looks back.
 *
 * `limit_wakes` says which keys are worth a look: written by whatever frees a permit or parks a dispatch, never updated and unique in
 * nothing, so that nobody waits for anybody; taken away only by who saw them before looking. Publications of one task look one
 * after the other (an advisory lock), and count after they have the lock: hence no two of them give the same permit.
 *
 * All triggers are `after`: one before an update would lock each row, also of tasks without limits. To these the triggers are
 * a condition that does not hold.
 */
export const limits = limitTables + limitPermits + limitChanges + limitOpening;

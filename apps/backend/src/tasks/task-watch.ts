import type { Database } from '../store/database.ts';

/** Who follows tasks at this backend, and what wakes them. */
export interface TaskWatch {
  /** From now on `wake` is called whenever something new may be read of the task. Returns what ends that. */
  watch(taskId: string, wake: () => void): () => void;
  /** To be called when runs of these tasks said something here. */
  said(taskIds: readonly string[]): void;
  /** Looks for what came about elsewhere. To be called again and again; costs nothing while nobody follows anything. */
  poll(): Promise<void>;
}

interface Followed {
  readonly wakes: Set<() => void>;
  /** What the last poll saw; null before the first. */
  mark: string | null;
}

/** One look for all that is followed here: state, progress, and the last line of the log. */
const MARKS = `
select r.id, concat_ws(' ', r.state, r.epoch, r.attempts, r.started_at, md5(r.progress::text),
                       case when r.state = 'waiting' then clock_timestamp() end,
                       (select max(l.id) from run_logs l where l.run_id = r.id)) as mark
  from unnest($1::uuid[]) as u (id)
 cross join lateral (select * from runs where runs.id = u.id offset 0) r`;

export function createTaskWatch(database: Pick<Database, 'query'>): TaskWatch {
  const followed = new Map<string, Followed>();

  function wakeAll(taskId: string): void {
    for (const wake of [...(followed.get(taskId)?.wakes ?? [])]) wake();
  }

  return {
    watch(taskId, wake) {
      const known = followed.get(taskId) ?? { wakes: new Set(), mark: null };
      followed.set(taskId, known);
      known.wakes.add(wake);
      return () => {
        known.wakes.delete(wake);
        if (known.wakes.size === 0 && followed.get(taskId) === known) followed.delete(taskId);
      };
    },
    said: (taskIds) => taskIds.forEach(wakeAll),
    async poll() {
      if (followed.size === 0) return;
      const rows = await database.query<{ id: string; mark: string }>(MARKS, [[...followed.keys()]]);
      for (const { id, mark } of rows) {
        const known = followed.get(id);
        if (known === undefined || known.mark === mark) continue;
        known.mark = mark;
        wakeAll(id);
      }
    },
  };
}

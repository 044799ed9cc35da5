/** Requests of this backend that wait for an execution to end. */
export interface ExecutionWaiters {
  /** Resolves true when the execution ended, false after `timeoutMs` or when `signal` fires. */
  wait(executionId: string, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** To be called when executions ended, by whoever sent the statement that ended them. */
  ended(executionIds: readonly string[]): void;
  /** To be called by who merely heard or found that they ended. */
  wake(executionIds: readonly string[]): void;
  /** The executions somebody waits for here: the slow poll asks the database about them. */
  awaited(): string[];
}

/** `tellOthers` is told what ended here: who waits for it may wait at another backend. */
export function createExecutionWaiters(
  tellOthers: (executionIds: readonly string[]) => void,
): ExecutionWaiters {
  const waiting = new Map<string, Set<() => void>>();

  function remove(executionId: string, wake: () => void): void {
    const wakes = waiting.get(executionId);
    wakes?.delete(wake);
    if (wakes?.size === 0) waiting.delete(executionId);
  }

  function wakeAll(executionIds: readonly string[]): void {
    for (const id of executionIds) for (const wake of [...(waiting.get(id) ?? [])]) wake();
  }

  return {
    wait(executionId, timeoutMs, signal) {
      return new Promise((resolve) => {
        const finish = (ended: boolean) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', giveUp);
          remove(executionId, wake);
          resolve(ended);
        };
        const wake = () => finish(true);
        const giveUp = () => finish(false);
        const timer = setTimeout(giveUp, timeoutMs);
        const wakes = waiting.get(executionId) ?? new Set();
        waiting.set(executionId, wakes.add(wake));
        if (signal.aborted) giveUp();
        else signal.addEventListener('abort', giveUp, { once: true });
      });
    },
    ended(executionIds) {
      wakeAll(executionIds);
      tellOthers(executionIds);
    },
    wake: wakeAll,
    awaited: () => [...waiting.keys()],
  };
}

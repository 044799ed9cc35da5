/** Requests of this backend that wait for an execution to end. */
export interface ExecutionWaiters {
  /** Resolves true when the execution ended, false after `timeoutMs` or when `signal` fires. */
  wait(executionId: string, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** To be called when executions ended, by the statement that ended them. */
  ended(executionIds: readonly string[]): void;
  /** The executions somebody waits for here: the slow poll asks the database about them. */
  awaited(): string[];
}

export function createExecutionWaiters(): ExecutionWaiters {
  const waiting = new Map<string, Set<() => void>>();

  function remove(executionId: string, wake: () => void): void {
    const wakes = waiting.get(executionId);
    wakes?.delete(wake);
    if (wakes?.size === 0) waiting.delete(executionId);
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
      for (const id of executionIds) for (const wake of [...(waiting.get(id) ?? [])]) wake();
    },
    awaited: () => [...waiting.keys()],
  };
}

const FAN_OUT = Symbol.for('longshore.fan-out');

export interface ChildTask {
  /** Unique among its siblings: a fan-out that is repeated makes no second child. */
  readonly key: string;
  readonly task: string;
  /** Default: the queue that the task registered. */
  readonly queue?: string;
  readonly input: unknown;
  /** A file of the same execution that the child works on. */
  readonly fileId?: string;
}

export interface FanOutPlan {
  readonly children: readonly ChildTask[];
  /** Runs once all children have ended, however they did. Its result is the result of the run that fanned out. */
  readonly then: Omit<ChildTask, 'key' | 'fileId'>;
  /** Children at work at the same time. Default: no bound. */
  readonly maxParallel?: number;
}

/** What a handler returns to have others do the work. */
export interface FanOut {
  readonly [FAN_OUT]: true;
  readonly plan: FanOutPlan;
}

/**
 * The result of a handler that splits its work: the children and what follows them come into being in the same
 * transaction that ends the attempt, so there is never a half of it.
 */
export function fanOut(plan: FanOutPlan): FanOut {
  return { [FAN_OUT]: true, plan };
}

export function isFanOut(value: unknown): value is FanOut {
  return typeof value === 'object' && value !== null && FAN_OUT in value;
}

export type { Backoff, Task, TaskDefinition } from './definition/define-task.ts';
export { defineTask } from './definition/define-task.ts';
export type { ChildTask, FanOut, FanOutPlan } from './definition/fan-out.ts';
export { fanOut } from './definition/fan-out.ts';
export type { PipelineFiles, RunFacts, TaskContext, TaskFile, TaskLog } from './definition/task-context.ts';
export type { TaskErrorOptions } from './definition/task-error.ts';
export { TaskError } from './definition/task-error.ts';
export { runWorker } from './worker/run-worker.ts';
export type { WorkerMeans, WorkerSpec } from './worker/start-worker.ts';

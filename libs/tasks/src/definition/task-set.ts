import type { TaskDescriptor } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { Task } from './define-task.ts';

/** The tasks of one worker process, by name. */
export interface TaskSet {
  readonly names: readonly string[];
  readonly descriptors: readonly TaskDescriptor[];
  get(name: string): Task | undefined;
}

/** The tasks cannot be registered as they are; the message says which and why. */
export class TaskSetError extends Error {
  override readonly name = 'TaskSetError';
}

export interface TaskSetOptions {
  tasks: readonly Task[];
  /** Only tasks of these groups; empty = all. */
  groups: readonly string[];
  logger: Logger;
}

function placeOf({ origin }: Task): string {
  return origin?.file ?? 'the worker itself';
}

/** Chooses the tasks to register. @throws {TaskSetError} for two tasks of one name, or an isolation that is not to be had */
export function createTaskSet({ tasks, groups, logger }: TaskSetOptions): TaskSet {
  const byName = new Map<string, Task>();
  for (const task of tasks) {
    const { name, isolation } = task.descriptor;
    const twin = byName.get(name);
    if (twin !== undefined)
      throw new TaskSetError(
        `Two tasks have the name ${name}, in ${placeOf(twin)} and in ${placeOf(task)}: rename one of them`,
      );
    if (isolation !== 'inline' && task.origin === undefined) {
      throw new TaskSetError(
        `The task ${name} asks for the isolation "${isolation}": a ${isolation} can only load it from a task file (TASKS_DIR)`,
      );
    }
    byName.set(name, task);
  }
  const chosen = [...byName.values()].filter(
    ({ descriptor }) => groups.length === 0 || groups.includes(descriptor.group),
  );
  const names = chosen.map(({ descriptor }) => descriptor.name);
  if (groups.length > 0) logger.info(`Filtered to groups: [${groups.join(', ')}]`);
  logger.info(`Loaded ${names.length} tasks: [${names.join(', ')}]`);
  const registered = new Map(chosen.map((task) => [task.descriptor.name, task]));
  return {
    names,
    descriptors: chosen.map(({ descriptor }) => descriptor),
    get: (name) => registered.get(name),
  };
}

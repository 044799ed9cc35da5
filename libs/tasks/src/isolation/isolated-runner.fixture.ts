import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withOrigin } from '../definition/define-task.ts';
import { runnersOfTest } from '../execution/runner.fixture.ts';
import tasks from './isolated-tasks.fixture.ts';
import { createIsolates } from './isolates.ts';

const FILE = fileURLToPath(new URL('./isolated-tasks.fixture.ts', import.meta.url));

/** Runners whose tasks run in threads and processes of their own. */
export function isolatedRunnersOfTest(afterEach: (act: () => Promise<void>) => void) {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  const { withTasks } = runnersOfTest(afterEach);
  const setup = async (isolation: 'thread' | 'process', file = FILE) => {
    const isolates = createIsolates({ most: 4 });
    closing.push(isolates.close);
    const [task] = tasks.filter(({ descriptor }) => descriptor.isolation === isolation);
    if (task === undefined) throw new Error(`No task has the isolation ${isolation}`);
    const { backend, runner, run, overdue } = await withTasks(
      [withOrigin(task, { file, folders: [dirname(FILE)] })],
      isolates.work,
    );
    /** Resolves with the first log line of a run that fits. */
    const line = async (pattern: RegExp): Promise<RegExpExecArray> => {
      const found = () => backend.logLines.map(({ message }) => pattern.exec(message)).find((match) => match);
      await backend.until(() => Boolean(found()));
      return found() as RegExpExecArray;
    };
    const act = (name: string, spec: Parameters<typeof run>[0] & { n?: number } = {}) => {
      const { n, ...others } = spec;
      return run({ ...others, input: { act: name, ...(n !== undefined && { n }) } });
    };
    return { backend, runner, act, overdue, line };
  };
  return setup;
}

/** Resolves when the process is gone. */
export async function processEnd(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { withOrigin } from '../definition/define-task.ts';
import { tasksOfFile } from '../definition/task-file.ts';
import { runnersOfTest } from '../execution/runner.fixture.ts';
import { createIsolates } from '../isolation/isolates.ts';

/** Runners with one command task, which a YAML file in a folder of its own declares. */
export function commandRunnersOfTest(afterEach: (act: () => Promise<void>) => void) {
  const closing: (() => Promise<void> | void)[] = [];
  const { withTasks } = runnersOfTest(afterEach);
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  return async (
    command: readonly string[],
    definition: object = {},
    files: Readonly<Record<string, string>> = {},
  ) => {
    const folder = mkdtempSync(join(tmpdir(), 'longshore-command-test-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, name), text, { mode: 0o755 });
    const file = join(folder, 'task.yaml');
    writeFileSync(
      file,
      stringify({ kind: 'command', name: 'work', description: '', command, ...definition }),
    );
    const isolates = createIsolates({ most: 2 });
    closing.push(isolates.close);
    const origin = { file, folders: [folder] };
    const tasks = (await tasksOfFile(file)).map((task) => withOrigin(task, origin));
    const { backend, runner, run } = await withTasks(tasks, isolates.work);
    const lines = () => backend.logLines.map(({ message }) => message);
    /** Resolves with the first log line of a run that fits. */
    const line = async (pattern: RegExp): Promise<RegExpExecArray> => {
      const found = () => lines().flatMap((each) => pattern.exec(each) ?? [])[0];
      await backend.until(() => found() !== undefined);
      return lines()
        .map((each) => pattern.exec(each))
        .find(Boolean) as RegExpExecArray;
    };
    return { folder, backend, runner, run, lines, line };
  };
}

import { loadConfig } from '@longshore/runtime';
import { defineTask, runProgram, TaskError } from '@longshore/tasks';
import type { TaskContext } from '@longshore/tasks';
import { z } from 'zod';

const MOST_FILES = 200;
const MOST_CHARACTERS = 5_000_000;

const inputSchema = z.object({
  test: z.string().min(1).max(50).describe('Name of a command of SUBMISSION_TEST_COMMANDS.'),
  files: z
    .record(z.string().min(1).max(300), z.string().max(MOST_CHARACTERS))
    .refine((files) => Object.keys(files).length <= MOST_FILES, `at most ${MOST_FILES} files`)
    .describe('Contents by path, in the folder that the command starts in.'),
});

/**
 * Runs a test command on files that were submitted. Tests that fail are a result, not a failure of the run. Which commands there are is the
 * operator's to say, for the files are programs too: they run as the user of the worker.
 */
export const submissionTest = defineTask({
  name: 'submission_test',
  group: 'Examples',
  description: 'Runs a test command on submitted files, and says whether it passed.',
  input: inputSchema,
  isolation: 'process',
  memoryMb: 512,
  hardLimitMs: 120_000,
  maxAttempts: 1,
  handler: async ({ test, files }, { run, file, signal: stop, progress, log }) => {
    const command = commandCalled(test);
    const said: string[] = [];
    const end = await runProgram(
      { command, files },
      { run, file, signal: stop, progress, log: noted(log, said) },
    );
    if (stop.aborted) throw stop.reason;
    const { exitCode: exit_code, signal } = end;
    return { passed: exit_code === 0, exit_code, signal, output: said.join('\n').slice(-SHOWN) };
  },
});

/** Characters of what the tests said that come with the result; the log of the run has more. */
const SHOWN = 20_000;

function commandCalled(test: string): readonly [string, ...string[]] {
  const { submissionTestCommands: commands } = loadConfig(['submissionTestCommands']);
  const [program, ...args] = commands.get(test) ?? [];
  if (program !== undefined) return [program, ...args];
  const there =
    commands.size === 0
      ? 'this worker has none: set SUBMISSION_TEST_COMMANDS'
      : `there are ${[...commands.keys()].join(', ')}`;
  throw new TaskError('no_test_command', `There is no test command "${test}"; ${there}`, {
    retryable: false,
  });
}

/** The same log, whose lines are gathered too. */
function noted(log: TaskContext['log'], said: string[]): TaskContext['log'] {
  const both =
    (level: 'info' | 'warn'): TaskContext['log']['info'] =>
    (message, fields) => {
      said.push(message);
      log[level](message, fields);
    };
  return { ...log, info: both('info'), warn: both('warn') };
}

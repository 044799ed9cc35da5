import type { TaskContext } from '../definition/task-context.ts';
import type { Command } from './command-definition.ts';
import { commandResult } from './command-result.ts';
import { runProgram } from './run-program.ts';

/** One attempt of a command task. @throws {TaskError} that says why it failed, or what the run was ended with */
export async function runCommand(command: Command, input: unknown, context: TaskContext): Promise<unknown> {
  const end = await runProgram({ ...command, stdin: `${JSON.stringify(input)}\n` }, context);
  // What ended because it was told to failed for that reason, and not for what it said then.
  if (context.signal.aborted && end.exitCode !== 0) throw context.signal.reason;
  return commandResult(end, command);
}

import { CommanderError } from 'commander';
import { exitCodeOf } from './exit-code.ts';
import { callersFolder } from './home/callers-folder.ts';
import { endWithReader } from './output/closed-pipe.ts';
import { explainError } from './output/explain-error.ts';
import { paintedError } from './output/look.ts';
import { createTerminal } from './output/terminal.ts';
import { createProgram } from './program.ts';

/** Commands that do something beside telling: they finish it although nobody reads on. */
const OUTLIVE_THEIR_READER = [
  'up',
  'worker',
  'down',
  'demo',
  'apply',
  'delete',
  'backup',
  'restore',
  'reseal',
  'cancel',
  'replay',
  'schedules',
  'bench',
  'chaos',
  'run',
];

/** Runs the command that this process was started for, and sets its exit code. */
export async function runCommandLine(process: NodeJS.Process): Promise<void> {
  process.chdir(callersFolder(process.env, process.cwd()));
  const terminal = createTerminal();
  const program = createProgram(terminal);
  endWithReader({
    streams: [process.stdout, process.stderr],
    outlivesReader: () =>
      OUTLIVE_THEIR_READER.includes(program.args[0] ?? '') ||
      ['cancel', 'replay'].includes(program.args[1] ?? ''),
    end: () => process.exit(),
  });
  try {
    await program.parseAsync();
  } catch (error) {
    // What is wrong with a command line, and help, was told by commander itself.
    if (!(error instanceof CommanderError))
      terminal.err(paintedError(explainError(error), terminal.errorLook ?? {}));
    process.exitCode = exitCodeOf(error);
  }
}

#!/usr/bin/env node
import { explainError } from './output/explain-error.ts';
import { createTerminal } from './output/terminal.ts';
import { createProgram } from './program.ts';

const terminal = createTerminal();
try {
  await createProgram(terminal).parseAsync();
} catch (error) {
  terminal.err(explainError(error));
  process.exitCode = 1;
}

#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { compileCache } from './platform/app-entry.ts';

// Only what is imported after this is kept compiled.
enableCompileCache(compileCache);
const { createTerminal } = await import('./output/terminal.ts');
const { explainError } = await import('./output/explain-error.ts');
const { createProgram } = await import('./program.ts');

const terminal = createTerminal();
try {
  await createProgram(terminal).parseAsync();
} catch (error) {
  terminal.err(explainError(error));
  process.exitCode = 1;
}

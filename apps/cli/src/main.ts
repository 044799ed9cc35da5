#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { compileCache } from './platform/app-entry.ts';

// Only what is imported after this is kept compiled.
enableCompileCache(compileCache);
const { createTerminal } = await import('./output/terminal.ts');
const { explainError } = await import('./output/explain-error.ts');
const { createProgram } = await import('./program.ts');

// Whoever read what is written here, such as `head`, may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
const terminal = createTerminal();
try {
  await createProgram(terminal).parseAsync();
} catch (error) {
  terminal.err(explainError(error));
  process.exitCode = 1;
}

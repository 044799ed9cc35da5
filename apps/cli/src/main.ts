#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { compileCache } from './platform/app-entry.ts';

// Only what is imported after this is kept compiled.
enableCompileCache(compileCache);
const { runCommandLine } = await import('./command-line.ts');
await runCommandLine(process);

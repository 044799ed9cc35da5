import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProgram } from '../program.ts';
import { commandPage } from './command-page.ts';

const nowhere = { out: () => undefined, err: () => undefined, status: () => undefined };
const page = join(import.meta.dirname, '../../../../docs/cli.md');
writeFileSync(page, commandPage(createProgram(nowhere)));

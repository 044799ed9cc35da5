import { writeFileSync } from 'node:fs';
import { configurationPage, sampleEnv } from './documents.ts';

/** Writes docs/configuration.md and sample.env from the table of variables. */
const root = new URL('../../../../../', import.meta.url);
writeFileSync(new URL('docs/configuration.md', root), configurationPage());
writeFileSync(new URL('sample.env', root), sampleEnv());

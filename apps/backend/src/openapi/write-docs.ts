import { writeFileSync } from 'node:fs';
import { RELEASE } from '@longshore/contracts';
import { apiPage } from './api-page.ts';
import { openApiDocument } from './document.ts';

/** Writes docs/api.md from the table of routes. */
writeFileSync(new URL('../../../../docs/api.md', import.meta.url), apiPage(openApiDocument(RELEASE)));

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { operationsSource } from './operations-source.ts';

writeFileSync(join(import.meta.dirname, 'operations.ts'), operationsSource());

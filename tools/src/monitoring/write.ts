import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run-steps.ts';
import { dashboard } from './dashboard.ts';

const file = join(root, 'deploy/grafana/longshore.json');
writeFileSync(file, JSON.stringify(dashboard(), null, 2));
execFileSync(join(root, 'node_modules/.bin/prettier'), ['--write', file], { stdio: 'inherit' });

import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { nameSharedServer } from '../shared-server/join.ts';
import { keepUntilTornDown } from './tear-down.ts';

const root = resolve(import.meta.dirname, '../../../../..');

/** Once before a run: its suites find a PostgreSQL, which starts when one asks for it, and their processes what others compiled. */
export default async function setUp(): Promise<void> {
  process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/longshore');
  const folder = await mkdtemp(join(tmpdir(), 'longshore-suites-'));
  const keeper = spawn(process.execPath, [join(import.meta.dirname, '../shared-server/keeper.ts'), folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  nameSharedServer(join(folder, 'socket'));
  keepUntilTornDown(keeper);
}

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CoreWorkerName } from '@longshore/contracts';
import type { Credentials } from '../home/credentials.ts';
import type { Home } from '../home/home.ts';
import { writeSecretFile } from '../home/secret-file.ts';
import { type Addresses, workerSettings } from './child-environment.ts';

/**
 * Writes `<home>/dev/<worker>.env` for each of these workers, for its owner alone: with it `nx serve <worker>` joins this
 * platform. Files of other workers are removed.
 */
export function writeDevelopmentSettings(
  home: Home,
  workers: readonly CoreWorkerName[],
  { addresses, credentials }: { addresses: Addresses; credentials: Credentials },
): void {
  rmSync(home.dev, { recursive: true, force: true });
  if (workers.length === 0) return;
  mkdirSync(home.dev, { recursive: true });
  chmodSync(home.dev, 0o700);
  for (const worker of workers) {
    const settings = Object.entries(workerSettings(worker, addresses, credentials));
    const lines = settings.map(([name, value]) => `${name}="${value}"`);
    writeSecretFile(join(home.dev, `${worker}.env`), `${lines.join('\n')}\n`);
  }
}

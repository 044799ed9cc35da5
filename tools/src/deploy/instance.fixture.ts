import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coreWorkerNames } from '@longshore/contracts';
import { freePort, type TestPostgres } from '@longshore/testing';
import { root } from '../run-steps.ts';

/** What an instance on a server is given: the lines of each part's environment file, by the part's name. */
export interface InstanceSettings {
  readonly url: string;
  readonly lines: Readonly<Record<string, readonly string[]>>;
  /** Sessions that are active: the pid that each worker told, by the worker's name. */
  activeWorkers(): Promise<Map<string, number>>;
}

interface Credentials {
  readonly admin_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

export interface InstancePlaces {
  readonly postgres: TestPostgres;
  /** Where the keys are made; it must not exist yet. */
  readonly secrets: string;
  /** Where the backend finds its credentials, as it sees the file system. */
  readonly credentialsFile: string;
}

/** Makes keys, databases and a port as docs/servers.md says. */
export async function instanceSettings(places: InstancePlaces): Promise<InstanceSettings> {
  const { postgres, secrets, credentialsFile } = places;
  execFileSync(join(root, 'docker/make-secrets.sh'), [secrets]);
  const credentials = JSON.parse(readFileSync(join(secrets, 'credentials.json'), 'utf8')) as Credentials;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const broker = `BROKER_URL=${await postgres.createDatabase('broker')}`;
  const lines: Record<string, string[]> = {
    backend: [
      broker,
      `DATABASE_URL=${await postgres.createDatabase('truth')}`,
      `LONGSHORE_BOOTSTRAP_FILE=${credentialsFile}`,
      `PORT=${port}`,
    ],
  };
  for (const name of coreWorkerNames) {
    const key = `INTERNAL_SERVICE_API_KEY=${credentials.service_keys[name]}`;
    lines[name] = [broker, key, `INTERNAL_API_BASE_URL=${url}/internal`];
  }
  return { url, lines, activeWorkers: () => activeWorkers(url, credentials.admin_key) };
}

async function activeWorkers(url: string, adminKey: string): Promise<Map<string, number>> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(`${url}/api/v1/workers`, { headers });
  const { pools } = (await answer.json()) as {
    pools: { worker: string; sessions: { state: string; pid: number }[] }[];
  };
  const active = pools.flatMap(({ worker, sessions }) =>
    sessions.filter(({ state }) => state === 'active').map(({ pid }): [string, number] => [worker, pid]),
  );
  return new Map(active);
}

/** Asks until the answer is as wanted; the test's own time limit ends it. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 100));
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import pg from 'pg';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './index.ts';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';

export const isRoot = process.getuid?.() === 0;
export const NOBODY = 65_534;
/** Needs this checkout to be open to another user: in one under a private home such a test cannot run. */
export const itAsNobody =
  isRoot && spawnSync(process.execPath, ['-e', ''], { uid: NOBODY, gid: NOBODY }).status !== 0 ? it.skip : it;
export const cleanups: (() => Promise<unknown> | unknown)[] = [];

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A folder that everybody may pass through, gone after the test. */
export function folder(mode = 0o755): string {
  const path = realpathSync(mkdtempSync('/tmp/longshore-pg-'));
  chmodSync(path, mode);
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function start(
  dataDir: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger(), ...options });
  cleanups.push(() => server.stop());
  return server;
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Like `query`, again until the server answers: it may be starting. */
export async function queryWhenUp(url: string, sql: string): Promise<Record<string, unknown>[]> {
  for (;;) {
    try {
      return await query(url, sql);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

interface Told {
  url: string;
  port: number;
  adoptedFrom?: number;
  error?: string;
}

/** A process of its own that starts a server, as soon as it told about it. */
export async function startElsewhere(
  dataDir: string,
  uid?: number,
): Promise<{ child: ChildProcess; told: Told }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'start-server.fixture.ts'), dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  cleanups.push(() => {
    child.stdin.end();
    return child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, told: JSON.parse(line) as Told };
}

export async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

export function postmasterIn(dataDir: string): number {
  const data = (JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { data: string }).data;
  const pid = readPostmasterFile(data)?.pid ?? 0;
  expect(isPostmasterOf(pid, data)).toBe(true);
  return pid;
}

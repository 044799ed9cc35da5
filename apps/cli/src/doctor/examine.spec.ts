import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { routes } from '@longshore/contracts';
import { lockFolder } from '@longshore/embedded-postgres';
import { connect } from '../client/connection.ts';
import { homeAt } from '../home/home.ts';
import { writeInstance } from '../home/instance.ts';
import { examine } from './examine.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A home whose record names a platform at an address where nobody listens. */
async function setup() {
  const home = homeAt(mkdtempSync(join(tmpdir(), 'longshore-died-')));
  cleanups.push(() => rmSync(home.folder, { recursive: true }));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const keys = { organisation: 'default', api_key: 'lsk_org_0123456789', admin_key: 'lsk_adm_0123456789' };
  writeFileSync(home.credentials, JSON.stringify({ ...keys, service_keys: {} }), { mode: 0o600 });
  const started = { pid: process.pid, url: `http://127.0.0.1:${port}`, started_at: '2026-05-01T12:00:00Z' };
  writeInstance(home, { ...started, processes: [] });
  return { home, env: { LONGSHORE_HOME: home.folder, PORT: '0' } };
}

it('the doctor notes variables that are probably misspelt', async () => {
  const { env } = await setup();
  const found = await examine({}, { ...env, TASK_DIR: '/x' });
  expect(found).toContainEqual(
    expect.objectContaining({
      state: 'note',
      found: 'TASK_DIR is not a setting: did you mean TASKS_DIR?',
    }),
  );
});

describe('of a home whose platform does not answer', () => {
  it('the doctor makes the checks of the machine, and says that it died, when nobody holds the home', async () => {
    const { env } = await setup();
    const found = await examine({}, env);
    expect(found.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['configuration', 'node', 'home', 'database', 'broker', 'platform']),
    );
    expect(found.at(-1)).toMatchObject({
      ...{ state: 'wrong', check: 'platform', found: 'it died without being stopped' },
      mend: expect.stringContaining('Start it with "longshore up"'),
    });
  });

  it('the doctor says that its backend is started again, while "longshore up" lives', async () => {
    const { env, home } = await setup();
    const lock = lockFolder(home.folder);
    cleanups.unshift(() => lock.release());
    const found = await examine({}, env);
    expect(found.map(({ check }) => check)).toEqual(expect.arrayContaining(['configuration', 'node']));
    expect(found.at(-1)).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining('is starting its backend again'),
    });
  });

  it('a command says who lives, and who died', async () => {
    const { env, home } = await setup();
    const ask = () => connect('admin', {}, env).call(routes.platform);
    await expect(ask()).rejects.toThrow(
      '(ECONNREFUSED): it died without being stopped, start it with "longshore up", or name another with --url.',
    );
    const lock = lockFolder(home.folder);
    cleanups.unshift(() => lock.release());
    await expect(ask()).rejects.toThrow(
      `"longshore up" (process ${process.pid}) runs and is starting its backend again.`,
    );
  });
});

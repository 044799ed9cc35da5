import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { coreWorkerNames, type ExecutionDetail, routes } from '@longshore/contracts';
import { createPlatformClient } from '../client/platform-client.ts';
import { cleanUp, type Ready, runCommand, startUp, temporaryHome } from '../running-command.fixture.ts';

afterEach(cleanUp);

const env = {
  SESSION_TIMEOUT: '3',
  MAX_UNFINISHED_EXECUTIONS: '1000',
  MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION: '1000',
};

const documents = [
  {
    kind: 'workflow',
    name: 'notes',
    steps: [{ read: {} }, { extract: { fields: { number: { type: 'string', label: 'Number' } } } }],
  },
  { kind: 'deployment', api_name: 'notes', workflow: 'notes' },
];

function clientOf({ url, api_key: apiKey, admin_key: adminKey }: Ready) {
  const authorization = `Bearer ${apiKey}`;
  return {
    async apply(): Promise<void> {
      const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/v1/apply`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ documents }),
      });
      if (!answer.ok) throw new Error(await answer.text());
    },
    /** Creates a webhook, or reads its address, which is sealed in the database. */
    async webhook(id?: string): Promise<{ webhook_id: string; url: string }> {
      const answer = await fetch(`${url}/api/v1/webhooks${id === undefined ? '' : `/${id}`}`, {
        method: id === undefined ? 'POST' : 'GET',
        headers: { authorization, 'content-type': 'application/json' },
        ...(id === undefined && { body: JSON.stringify({ name: 'told', url: 'https://example.com/in' }) }),
      });
      return (await answer.json()) as { webhook_id: string; url: string };
    },
    /** Three files, of which one is so long that its text lies in the file store. */
    async post(number: number): Promise<string> {
      const form = new FormData();
      for (const name of ['a', 'b'])
        form.append('files', new Blob([`Number: ${number}-${name}`]), `${name}.txt`);
      form.append('files', new Blob([`Number: ${number}-c\n${'lorem ipsum '.repeat(10_000)}`]), 'c.txt');
      form.append('include_extracted_text', 'true');
      const answer = await fetch(`${url}/deployment/api/default/notes/`, {
        method: 'POST',
        headers: { authorization },
        body: form,
      });
      const body = (await answer.json()) as { message: { execution_id: string } };
      if (!answer.ok) throw new Error(JSON.stringify(body));
      return body.message.execution_id;
    },
    /** Undefined when there is no such execution. */
    async detail(id: string): Promise<ExecutionDetail | undefined> {
      const answer = await fetch(`${url}/api/v1/executions/${id}`, { headers: { authorization } });
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      return (await answer.json()) as ExecutionDetail;
    },
  };
}

/** Of the workers that the platform believes to be alive. */
async function sessionsOf({ url, admin_key: key }: Ready): Promise<string[]> {
  const { pools } = await createPlatformClient({ url, key }).call(routes.workers);
  return pools.flatMap(({ sessions }) => sessions.map(({ session_id: id }) => id));
}

type Client = ReturnType<typeof clientOf>;

async function ended(client: Client, id: string): Promise<ExecutionDetail> {
  for (const until = Date.now() + 60_000; Date.now() < until; await pause(100)) {
    const detail = await client.detail(id);
    if (detail !== undefined && !['PENDING', 'EXECUTING'].includes(detail.status)) return detail;
  }
  throw new Error(`execution ${id} did not end: ${JSON.stringify(await client.detail(id))}`);
}

/** What is known of an execution from outside: for each file what was found in it. */
function found({ status, result }: ExecutionDetail): unknown[] {
  return [
    status,
    ...(result ?? []).map((each) => (each.result?.output as { number?: string } | undefined)?.number),
  ];
}
const expected = (number: number) => ['COMPLETED', `${number}-a`, `${number}-b`, `${number}-c`];

/** Posts executions without a pause, until told to stop; `ids[n]` is that of number n. */
function load(client: Client) {
  const ids: string[] = [];
  let isWanted = true;
  const running = (async () => {
    while (isWanted) ids.push(await client.post(ids.length));
  })();
  return {
    ids,
    async stop() {
      isWanted = false;
      await running;
    },
  };
}

describe('a backup that is made while executions are accepted and run', () => {
  it('restored elsewhere has every result that there was, and finishes what had been accepted', async () => {
    const home = temporaryHome();
    const platform = await startUp([], { home, env });
    const client = clientOf(platform.ready);
    await client.apply();
    const { webhook_id: webhook } = await client.webhook();
    const work = load(client);
    while (work.ids.length < 12) await pause(50);
    await ended(client, work.ids[0]!);
    const accepted = [...work.ids];
    const completed: string[] = [];
    for (const id of accepted) if ((await client.detail(id))?.status === 'COMPLETED') completed.push(id);
    const file = join(temporaryHome(), 'x.tar.zst');
    let before: readonly string[] = [];
    // One that is starved under this load is given up for a moment.
    while (before.length < coreWorkerNames.length) before = await sessionsOf(platform.ready);
    const backup = await runCommand(['backup', '-o', file], { home });
    expect([backup.code, backup.err]).toEqual([0, '']);
    expect(backup.out).toContain('keys and passwords');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const later = [...work.ids];
    await work.stop();
    platform.child.kill('SIGINT');
    await platform.ended;

    const other = temporaryHome();
    const restored = await runCommand(['restore', file, '--home', other], { home });
    expect([restored.code, restored.err]).toEqual([0, '']);
    const again = await startUp([], { home: other, env });
    const old = new Set(before);
    expect((await sessionsOf(again.ready)).filter((session) => old.has(session))).toEqual([]);
    expect(existsSync(join(other, 'restored'))).toBe(false);
    expect({ ...again.ready, url: '' }).toEqual({ ...platform.ready, url: '' });
    const restoredClient = clientOf(again.ready);
    expect(await restoredClient.webhook(webhook)).toMatchObject({ url: 'https://example.com/in' });
    expect(statSync(join(other, 'encryption.key')).mode & 0o777).toBe(0o600);
    expect(completed.length).toBeGreaterThan(0);
    expect(readdirSync(join(other, 'files', 'outputs')).length).toBeGreaterThanOrEqual(completed.length);
    for (const id of completed) {
      expect(found((await restoredClient.detail(id))!)).toEqual(expected(work.ids.indexOf(id)));
    }
    for (const [number, id] of accepted.entries()) {
      expect(found(await ended(restoredClient, id))).toEqual(expected(number));
    }
    for (const [number, id] of later.entries()) {
      if ((await restoredClient.detail(id)) !== undefined) {
        expect(found(await ended(restoredClient, id))).toEqual(expected(number));
      }
    }
    expect(await ended(restoredClient, await restoredClient.post(0))).toMatchObject({ status: 'COMPLETED' });

    const refused = await runCommand(['restore', file, '--home', other], { home });
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('is not empty')]);
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff;
    const damaged = join(temporaryHome(), 'damaged.tar.zst');
    writeFileSync(damaged, bytes);
    const third = temporaryHome();
    const failed = await runCommand(['restore', damaged, '--home', third], { home });
    expect([failed.code, failed.err]).toEqual([1, expect.stringContaining('is damaged')]);
    expect(readdirSync(third)).toEqual([]);
  }, 240_000);
});

describe('a backup of a home', () => {
  it('in which nothing runs starts the database for itself, and refuses what would not do', async () => {
    const home = temporaryHome();
    const nothing = await runCommand(['backup'], { home });
    expect([nothing.code, nothing.err]).toEqual([1, expect.stringContaining('nothing to back up')]);
    const platform = await startUp([], { home });
    platform.child.kill('SIGINT');
    await platform.ended;
    const file = join(temporaryHome(), 'x.tar.gz');
    expect((await runCommand(['backup', '-o', file], { home })).code).toBe(0);
    const again = await runCommand(['backup', '-o', file], { home });
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('is there already')]);
    const nowhere = await runCommand(['backup', '-o', join(home, 'no', 'x.tar.gz')], { home });
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining('There is no folder')]);
    const among = await runCommand(['backup', '-o', join(home, 'files', 'x.tar.gz')], { home });
    expect([among.code, among.err]).toEqual([2, expect.stringContaining('lies among the files')]);
    const own = await runCommand(['backup'], {
      home,
      env: { DATABASE_URL: 'postgres://x/y', BROKER_URL: 'redis://x' },
    });
    expect([own.code, own.err]).toEqual([1, expect.stringContaining('with its own tools')]);
    expect(existsSync(`${file}.unfinished`)).toBe(false);
    const other = temporaryHome();
    // As a restore leaves it that was killed.
    writeFileSync(join(other, 'restoring'), '');
    writeFileSync(join(other, 'credentials.json'), '{');
    const half = await runCommand(['up', '--json'], { home: other });
    expect([half.code, half.err]).toEqual([1, expect.stringContaining('half of a backup')]);
    expect(await runCommand(['restore', file, '--home', other], { home })).toMatchObject({
      code: 0,
      err: '',
    });
    expect((await startUp([], { home: other })).ready.api_key).toBe(platform.ready.api_key);
    const slip = await runCommand(['delete', 'organisation', 'default', '--confirm', 'other'], {
      home: other,
    });
    expect([slip.code, slip.err]).toEqual([2, expect.stringContaining('--confirm default')]);
    const deleted = await runCommand(['delete', 'organisation', 'default', '--confirm', 'default'], {
      home: other,
    });
    expect(deleted).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('0 rows and files left'),
    });
  });
});

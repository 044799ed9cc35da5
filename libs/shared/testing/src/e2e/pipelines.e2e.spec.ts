import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecutionDetail } from '@longshore/contracts';
import { startPlatform, type TestPlatform } from '../platform.ts';
import { deploymentClient, invoice } from './deployment-client.fixture.ts';

const samples = resolve(import.meta.dirname, '../../../../../samples');
const FILES = 30;
const TORN = 'cut-off-on-its-way.pdf';
const SAMPLES = [
  TORN,
  'harbour-office.txt',
  'nordkai-werft.pdf',
  'pier-9-logistics.docx',
  'tidewater-software.json',
];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A folder with documents in subfolders, all of them sound but for one when `torn`. */
async function folderOfDocuments(torn: boolean): Promise<{ root: string; source: string; target: string }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'longshore-pipeline-')));
  cleanups.push(() => rm(root, { recursive: true, force: true }));
  await chmod(root, 0o777);
  const [source, target] = [join(root, 'in'), join(root, 'out')];
  mkdirSync(join(source, 'march'), { recursive: true });
  const real = SAMPLES.filter((name) => torn || name !== TORN);
  for (const name of real) copyFileSync(join(samples, name), join(source, name));
  for (let number = real.length; number < FILES; number += 1)
    writeFileSync(join(source, 'march', `${number}.txt`), invoice(`I-${number}`, 50));
  return { root, source, target };
}

async function start(root: string): Promise<TestPlatform> {
  const platform = await startPlatform({ PIPELINE_FOLDERS: root, SESSION_TIMEOUT: '3' });
  cleanups.push(() => platform.stop());
  return platform;
}

/** A user's own client: runs the pipeline by its address, and looks at executions. */
function client(platform: TestPlatform) {
  const { apply, ended, detail } = deploymentClient(platform);
  const address = `${platform.url}/deployment/pipeline/api/default/inbox/`;
  return {
    apply: ({ source: path, target }: { source: string; target: string }) =>
      apply([
        { kind: 'workflow', name: 'reading', steps: [{ read: {} }] },
        {
          ...{ kind: 'pipeline', pipeline_id: 'inbox', workflow: 'reading' },
          ...{ source: { folder: { path } }, destination: { folder: { path: target } } },
        },
      ]),
    async run(body: object = {}): Promise<string> {
      const headers = { authorization: `Bearer ${platform.apiKey}`, 'content-type': 'application/json' };
      const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) });
      const { message } = (await answer.json()) as { message: { execution_id: string } };
      return message.execution_id;
    },
    detail,
    ended: (id: string) => ended(id, 60_000),
  };
}

/** What lies in the destination: each JSON document by its path. */
function delivered(target: string): Map<string, { execution_id: string; file: string }> {
  const paths = readdirSync(target, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    paths.map((path) => [path.slice(target.length + 1), JSON.parse(readFileSync(path, 'utf8')) as never]),
  );
}

const statusesOf = ({ result }: ExecutionDetail) => {
  const counts: Record<string, number> = {};
  for (const { status } of result ?? []) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe('a pipeline from folder to folder, through real processes', () => {
  it('delivers each file once, and again only what was changed', async () => {
    const folders = await folderOfDocuments(true);
    const { apply, run, ended } = client(await start(folders.root));
    await apply(folders);

    const first = await ended(await run());
    expect([first.status, statusesOf(first)]).toEqual(['COMPLETED', { Success: FILES - 1, Failed: 1 }]);
    expect(first.files.find(({ state }) => state === 'failed')!.file).toBe(TORN);
    const written = delivered(folders.target);
    expect(written.size).toBe(FILES - 1);
    for (const [path, { file, execution_id }] of written) {
      expect([`${file}.json`, execution_id]).toEqual([path, first.execution_id]);
    }

    // What failed is tried three times; then all is skipped, which is no failure.
    for (let time = 2; time <= 3; time += 1) {
      const again = await ended(await run());
      expect([again.status, statusesOf(again)]).toEqual(['ERROR', { Failed: 1, Skipped: FILES - 1 }]);
    }
    const idle = await ended(await run());
    expect([idle.status, idle.skipped]).toEqual([
      'COMPLETED',
      { unchanged: FILES - 1, active_elsewhere: 0, failed_3_times: 1 },
    ]);
    expect(delivered(folders.target)).toEqual(written);

    appendFileSync(join(folders.source, 'march/7.txt'), 'One more line');
    const changed = await ended(await run());
    expect([changed.status, statusesOf(changed)]).toEqual(['COMPLETED', { Success: 1, Skipped: FILES - 1 }]);
    expect(changed.files.map(({ file }) => file)).toEqual(['march/7.txt']);
    const now = delivered(folders.target);
    expect(now.size).toBe(FILES - 1);
    expect(now.get('march/7.txt.json')!.execution_id).toBe(changed.execution_id);
  }, 180_000);

  it.each([
    ['while it reads the source', ({ files }: ExecutionDetail) => files.length > 3],
    [
      'while it delivers',
      ({ files }: ExecutionDetail) =>
        files.length === FILES && files.every(({ state }) => state === 'succeeded' || state === 'failed'),
    ],
  ])(
    'failure mode 4: delivers each file once although its worker is killed %s',
    async (_when, isMoment) => {
      const folders = await folderOfDocuments(false);
      const platform = await start(folders.root);
      const { apply, run, ended, detail } = client(platform);
      await apply(folders);
      // The moment is short: until it was met.
      for (let isHit = false; !isHit;) {
        const id = await run({ force: true });
        for (let seen = await detail(id); seen === null || !isMoment(seen); seen = await detail(id))
          await pause(2);
        platform.kill9('general');
        isHit = (await detail(id))?.status === 'EXECUTING';
        const end = await ended(id);
        expect([end.status, statusesOf(end)]).toEqual(['COMPLETED', { Success: FILES }]);
        const written = delivered(folders.target);
        expect(written.size).toBe(FILES);
        for (const { execution_id } of written.values()) expect(execution_id).toBe(id);
        await restarted(platform);
      }
      const idle = await ended(await run());
      expect([idle.status, statusesOf(idle)]).toEqual(['COMPLETED', { Skipped: FILES }]);
    },
    180_000,
  );
});

/** The instance's record names a process that lives. */
async function restarted(platform: TestPlatform): Promise<void> {
  for (;;) {
    try {
      process.kill(platform.pidOf('general'), 0);
      return;
    } catch {
      await pause(50);
    }
  }
}

import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { redisIsAvailable } from '@longshore/testing';
import { SERVICE_KEY } from './in-memory-backend/in-memory-backend.fixture.ts';
import type { WorkerProcess } from './start-worker-process.fixture.ts';
import { workersOnRedis } from './workers-on-redis.fixture.ts';

const root = resolve(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/patterns.md'), 'utf8');
const suite = (await redisIsAvailable()) ? describe : describe.skip;

suite('the tasks that a worker registers (needs redis-server on the PATH, or a Docker engine)', () => {
  const { redis, afterwards, backend: startBackend, worker: startWorker, publish } = workersOnRedis();

  function folderOf(files: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'longshore-patterns-'));
    afterwards(() => rmSync(folder, { recursive: true }));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  }

  /** A worker with a backend and a line of delivery of its own. The platform of the checkout has no part in it. */
  async function start(env: Record<string, string>, args?: string[], program?: string) {
    const queue = `pool-${randomUUID()}`;
    const backend = await startBackend({ brokerQueueOf: () => queue });
    const own = {
      ...{ BROKER_URL: redis().url, INTERNAL_API_BASE_URL: backend.baseUrl },
      ...{ INTERNAL_SERVICE_API_KEY: SERVICE_KEY, LONGSHORE_HOME: folderOf({}) },
      ...{ TESTER_HEALTH_PORT: '0', GENERAL_HEALTH_PORT: '0' },
    };
    const worker = startWorker({ ...own, ...env }, args, program);
    return { backend, worker, queue };
  }
  type Started = Awaited<ReturnType<typeof start>>;

  const registered = ({ backend }: Started) => backend.session().request.tasks.map(({ name }) => name);
  const said = ({ lines }: WorkerProcess) => lines.map(({ message }) => message);

  const task = (name: string, group: string) =>
    `export default ({ defineTask, z }) =>
      defineTask({ name: '${name}', group: '${group}', description: '', input: z.object({}), handler: () => 1 });`;

  describe('of some groups only', () => {
    it.each(['TASK_GROUPS', 'ACTION_GROUPS'])('are those that %s names, and it says so', async (variable) => {
      const folder = folderOf({
        'a.mjs': task('deploy', 'DevOps'),
        'b.mjs': task('scrape', 'WebScraping'),
        'c.mjs': task('vacuum', 'Database'),
      });
      const started = await start({ TASKS_DIR: folder, [variable]: 'DevOps, Database' });
      await ready(started.worker);
      expect(registered(started)).toEqual(['deploy', 'vacuum']);
      expect(started.backend.session().request.skipped_task_files).toEqual([]);
      const lines = said(started.worker);
      expect(lines.filter((line) => /groups|Loaded|Registered/.test(line))).toEqual([
        'Filtered to groups: [DevOps, Database]',
        'Loaded 2 tasks: [deploy, vacuum]',
        'Registered 2 task types: [deploy, vacuum]',
      ]);
    });
  });

  describe('in the patterns of docs/patterns.md', () => {
    const general = [
      ...['example_long_running', 'example_data_processing', 'example_failing', 'submission_test'],
      ...['example_disk_space', 'example_containers', 'example_table_sizes'],
      ...['pipeline.plan', 'pipeline.finish', 'webhook.deliver'],
    ];
    const examples = general.slice(0, 4);
    const light = [...general, 'word_frequencies', 'page_links'];

    /** The workers of a chapter, by what the page calls their keys, each with the tasks that are expected of it and no others. */
    async function startAll(heading: string, expected: Record<string, readonly string[]>) {
      const commands = commandsUnder(heading);
      const starts = commands.map(({ env, args, program }) => start(env, args, program));
      const workers = await Promise.all(starts);
      await Promise.all(workers.map(({ worker }) => ready(worker)));
      const byKey = new Map(commands.map(({ key }, index) => [key, workers[index]!]));
      const found = [...byKey].map(([key, started]) => [key, new Set(registered(started))]);
      const wanted = Object.entries(expected).map(([key, names]) => [key, new Set(names)]);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
      for (const { key, queues } of commands) {
        const { request } = byKey.get(key)!.backend.session();
        expect(request.skipped_task_files).toEqual([]);
        // It asks for no queue that its key does not allow.
        expect(queues).toEqual(expect.arrayContaining(request.queues));
      }
      return byKey;
    }

    it.each<[string, Record<string, string[]>]>([
      ['One worker for all', { 'all tasks': [...light, 'fit_line', 'announce_release'] }],
      ['By resource', { light, heavy: ['fit_line'] }],
      ['By security', { public: light, privileged: ['announce_release'] }],
    ])('%s: are those that the page says, and no others', async (heading, expected) => {
      await startAll(heading, expected);
    });

    it('By technology: are those that the page says, and page_links runs where Node is and nothing else', async () => {
      const workers = await startAll('By technology', {
        python: ['word_frequencies'],
        node: [...examples, 'page_links'],
        docker: ['example_containers', 'example_table_sizes'],
      });
      const { backend, queue } = workers.get('node')!;
      const [, input = ''] = /tasks submit page_links '(.*)' --wait/.exec(page)!;
      const message = backend.parcel({ task: 'page_links', input: JSON.parse(input) });
      await publish(queue, message);
      await backend.until(() => backend.reports.length === 1);
      expect(backend.reports).toMatchObject([
        { outcome: 'succeeded', output: { inline: { links: ['https://example.com/x'] } } },
      ]);
    });
  });

  describe('when two have one name', () => {
    it('are none: the start ends, and names both files', async () => {
      const [one, two] = [folderOf({ 'a.mjs': task('twin', 'A') }), folderOf({ 'b.mjs': task('twin', 'B') })];
      // The group of one of them would not be registered; which of them was meant is unclear all the same.
      const { backend, worker } = await start({ TASKS_DIR: `${one},${two}`, TASK_GROUPS: 'A' });
      expect(await worker.ended).toBe(1);
      expect(worker.lines.find(({ message }) => message === 'start failed')).toMatchObject({
        level: 'error',
        error: {
          message: `Two tasks have the name twin, in ${join(one, 'a.mjs')} and in ${join(two, 'b.mjs')}: rename one of them`,
        },
      });
      expect(backend.sessions).toEqual([]);
    });
  });
});

interface Command {
  /** What the page calls its key. */
  readonly key: string;
  /** Those that its key allows. */
  readonly queues: readonly string[];
  readonly env: Record<string, string>;
  readonly args: string[];
  readonly program: string;
}

/** The workers that the shell is told to start in this chapter of the page, as the shell would start them. */
function commandsUnder(heading: string): Command[] {
  const [, chapter = ''] = page.split(`\n## ${heading}\n`);
  const [text = ''] = chapter.split('\n## ');
  const [, folder = '$S'] = /^S=(.*)$/m.exec(text) ?? [];
  const [, exported] = /^export (INTERNAL_SERVICE_API_KEY=.*)$/m.exec(text) ?? [];
  const lines = text.replaceAll('\\\n', ' ').replaceAll('$S', folder).split('\n');
  const starts = lines.filter((line) => line.includes('apps/general/src/main.ts'));
  return starts.map((line) => commandOf(exported === undefined ? line : `${exported} ${line}`));
}

function commandOf(line: string): Command {
  const match = /^INTERNAL_SERVICE_API_KEY=\$\((.*?)\) (.*?) npx node (\S+) (.*?)( &)?$/.exec(line);
  if (match === null)
    throw new Error(`The page starts a worker in a way that this test cannot read: ${line}`);
  const [, key = '', settings = '', program = '', flags = ''] = match;
  const [, name = ''] = /(?:key|create) ("[^"]+"|\S+)/.exec(key)!;
  const env = Object.fromEntries(
    settings
      .trim()
      .split(/ +/)
      .map((each) => each.split('=', 2)),
  );
  return {
    key: name.replaceAll('"', ''),
    queues: key.split(' ').at(-1)!.split(','),
    env: { ...env, TASKS_DIR: foldersOf(env['TASKS_DIR']) },
    args: flags.split(' '),
    program: join(root, program),
  };
}

/** Wherever the test was started from. */
function foldersOf(list = ''): string {
  const folders = list.split(',').filter((folder) => folder !== '');
  return folders.map((folder) => join(root, folder)).join(',');
}

async function ready(worker: WorkerProcess): Promise<void> {
  const early = worker.ended.then((end) => {
    throw new Error(`The worker ended with ${end}: ${worker.errors()}${JSON.stringify(worker.lines)}`);
  });
  await Promise.race([worker.line('worker takes work'), early]);
}

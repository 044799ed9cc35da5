import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { coreWorkerNames } from '@longshore/contracts';
import { root } from '../run-steps.ts';
import {
  buildImages,
  composedInstance,
  docker,
  engineIsThere,
  haveBaseImages,
  type ComposedInstance,
} from './docker-engine.fixture.ts';
import { until } from './instance.fixture.ts';

const page = readFileSync(join(root, 'docs/docker.md'), 'utf8');
const TAG = `test-${process.pid}`;
const images = ['backend', ...coreWorkerNames].map((name) => `longshore-${name}:${TAG}`);
images.push(`longshore:${TAG}`);
// Images are built and a dozen containers started on whatever machine this is.
jest.setTimeout(600_000);

/** Of a container in its network. */
function addressOf(container: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return docker('inspect', '--format', format, container);
}

/** Sends one file and waits for its result, as a client does. */
async function extracted(instance: ComposedInstance): Promise<unknown> {
  const form = new FormData();
  form.append(
    'files',
    new Blob([readFileSync(join(root, 'samples/harbour-office.txt'))]),
    'harbour-office.txt',
  );
  form.append('timeout', '120');
  const headers = { authorization: `Bearer ${instance.apiKey}` };
  const url = `${instance.url}/deployment/api/default/invoices/`;
  const answer = await fetch(url, { method: 'POST', body: form, headers });
  const { message } = (await answer.json()) as {
    message: { result: { result: { output: unknown } }[] | null };
  };
  return message.result?.[0]?.result.output;
}

const harbourOffice = expect.objectContaining({ invoice_number: 'HO-5521', total: 344 });

/** A program that says whether it could connect. */
function connectTo(host: string, port: number): string {
  const say = (word: string) => `() => { console.log('${word}'); process.exit(); }`;
  return `const socket = require('net').connect(${port}, '${host}');
    socket.on('connect', ${say('reached')}).on('error', ${say('refused')});
    setTimeout(${say('silence')}, 3000);`;
}

/** For NODE_OPTIONS: whoever ends, here for want of settings, says how large its heap might have grown. */
const sayHeapLimit = `--import data:text/javascript,${encodeURIComponent(`
  import { getHeapStatistics } from 'node:v8';
  process.on('exit', () => {
    console.log('heap limit ' + getHeapStatistics().heap_size_limit);
    process.exitCode = 0;
  });`)}`;

/** MiB that the heap of an image's process may take in a container of so many MiB. */
async function heapLimit(image: string, memory: number): Promise<number> {
  const env = await docker('image', 'inspect', '--format', '{{join .Config.Env "\\n"}}', image);
  const options = `${/^NODE_OPTIONS=.*$/m.exec(env)![0]} ${sayHeapLimit}`;
  const contained = ['--rm', '--read-only', '--tmpfs', '/tmp', '--network', 'none', '--memory', `${memory}m`];
  const part = image.startsWith('longshore:') ? ['general'] : [];
  const said = await docker('run', ...contained, '--env', options, image, ...part);
  return Number(/^heap limit (\d+)$/m.exec(said)![1]) / 2 ** 20;
}

/** Whether one of the networks of a service's container leads out of the engine. */
async function leadsOut(instance: ComposedInstance, service: string): Promise<boolean> {
  const [container] = await instance.containers(service);
  const networks = await docker(
    ...['inspect', '--format', '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}'],
    container!,
  );
  const inspected = await docker(
    ...['network', 'inspect', '--format', '{{.Internal}}', ...networks.trim().split(' ')],
  );
  return inspected.split('\n').includes('false');
}

/** Sessions that a worker has now, or that part of it which serves this queue. */
async function sessions(instance: ComposedInstance, worker: string, queue?: string): Promise<number> {
  const { pools } = JSON.parse(await instance.longshore('workers', '--json')) as {
    pools: { worker: string; queues: string[]; sessions: { state: string }[] }[];
  };
  return pools
    .filter((pool) => pool.worker === worker && (queue === undefined || pool.queues.includes(queue)))
    .flatMap((pool) => pool.sessions)
    .filter(({ state }) => state === 'active').length;
}

(engineIsThere ? describe : describe.skip)('the images', () => {
  let instance: ComposedInstance | undefined;
  let sizes: string[];

  async function up(files: readonly string[], ...args: string[]): Promise<ComposedInstance> {
    instance = await composedInstance(TAG, files);
    await instance.compose('up', '--detach', '--wait', ...args);
    return instance;
  }

  beforeAll(async () => {
    await haveBaseImages();
    sizes = await buildImages(TAG);
  });

  afterEach(async () => {
    await instance?.remove();
    instance = undefined;
  });

  afterAll(async () => {
    if (sizes !== undefined) await docker('image', 'rm', '--force', ...images);
  });

  it('are one for each part and one for all, and their sizes are told', () => {
    expect(sizes.map((line) => line.split(/\s+/)[0]).toSorted()).toEqual(images.toSorted());
  });

  it.each(images)('%s is as large as docs/docker.md says', async (image) => {
    const format = '{{.Size}} {{.CreatedBy}}';
    const layers = await docker('history', '--human=false', '--no-trunc', '--format', format, image);
    const megabytes = Number(/^(\d+) COPY.* dist\/apps/m.exec(layers)![1]) / 1e6;
    const name = image.split(':')[0];
    const told = Number(new RegExp(`^\\| \`${name}\` +\\| (\\d+) MB`, 'm').exec(page)![1]);
    expect(Math.abs(megabytes - told)).toBeLessThan(1 + told / 20);
  });

  it.each(images)('%s runs as nobody in particular, with its bundle alone', async (image) => {
    const { Config } = JSON.parse(await docker('image', 'inspect', '--format', '{{json .}}', image)) as {
      Config: { User: string; Healthcheck: { Test: string[] }; StopSignal: string };
    };
    expect(Config).toMatchObject({ User: '1000:1000', StopSignal: 'SIGTERM' });
    expect(Config.Healthcheck.Test[0]).toBe('CMD');
    const contained = ['--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none'];
    const files = await docker('run', ...contained, '--entrypoint', 'ls', image, '-R', '/app');
    expect(files).toContain('main.js');
    expect(files).not.toContain('node_modules');
    expect(files).not.toMatch(/\.ts$/m);
  });

  it.each(images)('%s starts from what was compiled when its bundles were built', async (image) => {
    const versions =
      'cd /app; for each in main.js */main.js; do [ ! -e "$each" ] || node "$each" --version 2>&1; done';
    const contained = [
      '--rm',
      '--read-only',
      '--network',
      'none',
      '--env',
      'NODE_DEBUG_NATIVE=COMPILE_CACHE',
    ];
    const said = await docker('run', ...contained, '--entrypoint', 'sh', image, '-c', versions);
    const bundles = image.startsWith('longshore:') ? 7 : 1;
    expect(said.match(/\/app\.js was accepted/g) ?? said).toHaveLength(bundles);
  });

  it('keep the heap of their process within the memory of the container, whatever that is', async () => {
    for (const memory of [256, 512]) {
      const limits = await Promise.all(images.map((image) => heapLimit(image, memory)));
      for (const limit of limits) {
        // Three quarters for what has lived a while; what is young comes on top.
        expect(limit).toBeGreaterThanOrEqual(0.75 * memory);
        expect(limit).toBeLessThanOrEqual(0.75 * memory + 48);
      }
    }
  });

  describe('composed with one container of each', () => {
    let platform: ComposedInstance;
    const inside = (service: string, program: string) =>
      platform.compose('exec', '-T', service, 'node', '-e', program);

    beforeAll(async () => {
      const files = ['compose.yaml', 'compose.tracing.yaml', '../tools/src/deploy/collector.fixture.yaml'];
      const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
      const settings = { OTEL_EXPORTER_OTLP_ENDPOINT, TRACES_TO: 'http://192.0.2.1' };
      platform = await composedInstance(TAG, files, settings);
      await platform.compose('up', '--detach', '--wait');
      await platform.longshore('apply', '-f', '/samples/invoices.yaml');
    });

    afterAll(() => platform.remove());

    it('scale their workers up and down under load, and nothing is lost', async () => {
      expect(await extracted(platform)).toEqual(harbourOffice);
      await platform.compose('up', '--detach', '--wait', '--no-recreate', '--scale', 'file-processing=3');
      expect(await sessions(platform, 'file-processing')).toBe(3);

      const underWay = Promise.all(Array.from({ length: 10 }, () => extracted(platform)));
      await platform.compose('up', '--detach', '--no-recreate', '--scale', 'file-processing=1');
      expect(await underWay).toEqual(Array.from({ length: 10 }, () => harbourOffice));
      expect(await sessions(platform, 'file-processing')).toBe(1);
    });

    it.each(coreWorkerNames)(
      'keep %s away from the database, and from the world unless its work is there',
      async (worker) => {
        const reach = (host: string, port: number) => inside(worker, connectTo(host, port));
        expect(await reach('backend', 8000)).toBe('reached');
        expect(await reach('redis', 6379)).toBe('reached');
        expect(await reach('collector', 4318)).toBe('reached');
        const [database] = await platform.containers('postgres');
        const closed = [reach('postgres', 5432), reach(await addressOf(database!), 5432)];
        if (worker !== 'general') closed.push(reach('192.0.2.1', 443));
        expect(await Promise.all(closed)).not.toContain('reached');
        expect(await leadsOut(platform, worker)).toBe(worker === 'general');
      },
    );

    it('let the backend reach the database', async () => {
      expect(await inside('backend', connectTo('postgres', 5432))).toBe('reached');
    });

    it('send their traces to the collector, which alone has a way out for them', async () => {
      expect(await extracted(platform)).toEqual(harbourOffice);
      const senders = ['backend', 'api-deployment', 'file-processing', 'callback'];
      await until(async () => {
        const said = await platform.compose('logs', '--no-log-prefix', 'collector');
        return senders.every((name) => said.includes(`/v1/traces longshore-${name}`));
      });
      expect(await leadsOut(platform, 'collector')).toBe(true);
    });

    it('stop in order: a container that is told to ends with 0, and its session is gone', async () => {
      const [container] = await platform.containers('callback');
      await platform.compose('stop', 'callback');
      expect(await docker('inspect', '--format', '{{.State.ExitCode}}', container!)).toBe('0');
      expect(await sessions(platform, 'callback')).toBe(0);
    });

    it('are added to, counted and shown by the scripts for operators', async () => {
      const scale = (number: number) =>
        platform.script('scale-workers.sh', '-w', 'general-devops', 'dev', String(number));
      await platform.script('start-multi-worker.sh', 'devops=devops:DevOps');
      await scale(2);
      expect(await platform.containers('general-devops')).toHaveLength(2);
      expect(await platform.containers('file-processing')).toHaveLength(1);

      await until(async () => (await sessions(platform, 'general', 'devops')) === 2);
      const shown = await platform.script('monitor-workers.sh', '-n', '3', 'dev');
      for (const name of ['general-devops-1', 'general-devops-2']) {
        expect(shown).toMatch(new RegExp(`== Containers\\n.*-${name} .*== Workers`, 's'));
        expect(shown).toMatch(new RegExp(`== Last log lines\\n.*^${name} +\\| `, 'ms'));
      }

      await scale(1);
      expect(await platform.containers('general-devops')).toHaveLength(1);
      expect(await sessions(platform, 'general', 'devops')).toBe(1);
    });
  });

  it('run all workers in one container on a small machine', async () => {
    const platform = await up(['compose.yaml', 'compose.single.yaml']);
    expect(await platform.containers('file-processing')).toEqual([]);
    await platform.longshore('apply', '-f', '/samples/invoices.yaml');
    expect(await extracted(platform)).toEqual(harbourOffice);
  });

  it('run with the replicas and limits of production', async () => {
    const platform = await up(['compose.yaml', 'compose.prod.yaml'], '--scale', 'general=3');
    expect(await platform.containers('general')).toHaveLength(3);
    expect(await platform.containers('general-high')).toHaveLength(1);
    const [container] = await platform.containers('file-processing');
    expect(await docker('inspect', '--format', '{{.HostConfig.Memory}}', container!)).toBe(
      String(2 * 1024 ** 3),
    );
  });

  it('run with three of each worker for development', async () => {
    const platform = await up(['compose.yaml', 'compose.dev.yaml']);
    for (const name of coreWorkerNames) expect(await platform.containers(name)).toHaveLength(3);
  });
});

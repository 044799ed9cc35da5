import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { redisIsAvailable, startRedis } from '@longshore/testing';
import { root } from '../src/run-steps.ts';
import { invoiceLoad } from './load.ts';
import { measureIdle, measureUnderLoad, prepareDeployment, type LoadFigures } from './measure.ts';
import { startMeasuredPlatform } from './platform.ts';
import { report, type Figures, type FlowFigures } from './report.ts';

const USAGE = `Measures the platform beside a BullMQ flow in the same run and writes docs/benchmarks.md.

  npm run bench                     five rounds, about ten minutes
  npm run bench -- --rounds 1       a quick look; writes nothing
`;

const IN_FLIGHT = 50;
const EXECUTIONS = 400;
const CONCURRENCY = 10;

async function flow(redisUrl: string): Promise<FlowFigures> {
  const peer = join(import.meta.dirname, 'flow-peer.ts');
  const args = [peer, redisUrl, String(CONCURRENCY), String(EXECUTIONS), String(IN_FLIGHT)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as FlowFigures;
}

/** One round: both storages and the peer, one after the other on the same machine. */
async function round(redisUrl: string, figures: Figures): Promise<void> {
  const load = invoiceLoad();
  for (const [kind, choice] of [
    ['embedded', { concurrency: CONCURRENCY }],
    ['redis', { concurrency: CONCURRENCY, redisUrl }],
  ] as const) {
    const platform = await startMeasuredPlatform(choice);
    try {
      await prepareDeployment(platform);
      const idle = await measureIdle(platform, load);
      const busy: LoadFigures = await measureUnderLoad(platform, load, EXECUTIONS, IN_FLIGHT);
      figures[kind].push({ readyMs: platform.readyMs, ...idle, ...busy });
      process.stdout.write(`${kind}: ${busy.perSecond.toFixed(0)} executions/s\n`);
    } finally {
      await platform.stop();
    }
  }
  figures.flow.push(await flow(redisUrl));
  process.stdout.write(`flow: ${figures.flow.at(-1)!.perSecond.toFixed(0)} flows/s\n`);
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(USAGE);
  if (!(await redisIsAvailable())) throw new Error('the bench compares on Redis: install redis-server');
  const rounds = args.includes('--rounds') ? Number(args[args.indexOf('--rounds') + 1]) : 5;
  const redis = await startRedis();
  const figures: Figures = { embedded: [], redis: [], flow: [] };
  try {
    for (let i = 0; i < rounds; i += 1) await round(redis.url, figures);
  } finally {
    await redis.stop();
  }
  const text = report(figures, {
    cores: availableParallelism(),
    inFlight: IN_FLIGHT,
    executions: EXECUTIONS,
    concurrency: CONCURRENCY,
  });
  process.stdout.write(text);
  if (rounds >= 3) await writeFile(join(root, 'docs/benchmarks.md'), text);
}

await main(process.argv.slice(2));

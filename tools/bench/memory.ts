import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { redisIsAvailable } from '@longshore/testing';
import { root } from '../src/run-steps.ts';
import { measureAutoscaling } from './memory/autoscaling.ts';
import { buildBundles } from './memory/bundles.ts';
import { celeryIsInstalled, celeryVersions, HOW_TO_INSTALL, measureCelery } from './memory/celery.ts';
import { measureColdStart, measureWorkers } from './memory/measure.ts';
import { report, type MemoryFigures } from './memory/report.ts';
import { openStage, type Stage } from './memory/stage.ts';
import { startServers, type Servers } from './runs/servers.ts';

const USAGE = `Measures what the four workers cost in memory, separate and packed, beside four Celery workers in the same run, and writes
docs/benchmarks-memory.md. Needs Linux. Celery by: ${HOW_TO_INSTALL}

  npm run bench:memory                  three rounds, about ten minutes; CPU and handlers at once in the first alone
  npm run bench:memory -- --rounds 1    a quick look; writes nothing
`;

const SIZES = { runs: 4_000, settleMs: 15_000, idleMs: 60_000 };
const say = (text: string) => void process.stderr.write(`${text}\n`);

async function round(servers: Servers, stage: Stage, figures: MemoryFigures, celery: boolean): Promise<void> {
  const isFirst = figures.packed.length === 0;
  for (const how of ['separate', 'packed'] as const) {
    const taken = await measureWorkers(stage, how, { ...SIZES, idleMs: isFirst ? SIZES.idleMs : 0 });
    figures[how].push(taken);
    say(`${how}: ${taken.idle.toFixed(0)} MiB idle, ${taken.after.toFixed(0)} after`);
  }
  figures.coldStartMs.push(await measureColdStart(stage));
  if (isFirst) figures.autoscaling.push(await measureAutoscaling(stage, servers.folder));
  say(`cold start ${figures.coldStartMs.at(-1)!.toFixed(0)} ms`);
  if (!celery) return;
  const peer = await measureCelery(servers.redis.url, SIZES.runs, SIZES.settleMs);
  figures.celery.push(peer);
  say(
    `Celery: ${peer.idle.toFixed(0)} MiB idle, ${peer.after.toFixed(0)} after, cold start ${peer.coldStartMs.toFixed(0)} ms`,
  );
}

/** Servers outlive this process unless they are told; the workers and the backend end with it. */
function stopOnSignals(servers: Servers): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void servers.stop().finally(() => process.exit(1)));
}

async function main(args: readonly string[]): Promise<void> {
  const options = { rounds: { type: 'string', default: '3' }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) return void process.stdout.write(USAGE);
  if (!(await redisIsAvailable())) throw new Error('the bench measures on Redis: install redis-server');
  const celery = await celeryIsInstalled();
  if (!celery) say(`Celery is not installed, so only ours is measured: ${HOW_TO_INSTALL}`);
  const servers = await startServers();
  stopOnSignals(servers);
  const figures: MemoryFigures = { separate: [], packed: [], coldStartMs: [], autoscaling: [], celery: [] };
  let stage: Stage | undefined;
  try {
    stage = await openStage(servers, await buildBundles(servers.folder));
    const rounds = Number(values.rounds);
    for (let i = 0; i < rounds; i += 1) await round(servers, stage, figures, celery);
    const conditions = { cores: availableParallelism(), rounds, runs: SIZES.runs };
    const text = report(figures, { ...conditions, celery: celery ? await celeryVersions() : null });
    process.stdout.write(text);
    if (rounds >= 3) await writeFile(join(root, 'docs/benchmarks-memory.md'), text);
  } finally {
    await stage?.stop();
    await servers.stop();
  }
}

await main(process.argv.slice(2));

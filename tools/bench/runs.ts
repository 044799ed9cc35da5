import { availableParallelism } from 'node:os';
import { measurePage } from './measure-page.ts';
import { measureDrain, type Broker } from './runs/drain.ts';
import { measureExecutions } from './runs/executions.ts';
import { makeLongHistory, measureHistory, plansAt } from './runs/history.ts';
import { measureIdle } from './runs/idle.ts';
import { parseSizes, USAGE, type Part, type Sizes } from './runs/options.ts';
import { report, type RunFigures } from './runs/report.ts';
import type { Servers } from './runs/servers.ts';
import { quantile } from './statistics.ts';

const say = (text: string) => void process.stderr.write(`${text}\n`);

async function drain(servers: Servers, sizes: Sizes, figures: RunFigures): Promise<void> {
  const brokers: Broker[] = sizes.embedded ? ['redis', 'embedded'] : ['redis'];
  for (const broker of brokers) {
    const round = await measureDrain(servers, broker, sizes);
    figures[broker].push(round);
    say(
      `drain, ${broker}: ${round.perSecond.toFixed(0)} runs/s, BullMQ ${round.peer.perSecond.toFixed(0)} jobs/s`,
    );
  }
}

async function executions(servers: Servers, sizes: Sizes, figures: RunFigures): Promise<void> {
  const round = await measureExecutions(servers, sizes);
  figures.executions.push(round);
  const [one, three, flow] = [round.oneWorker, round.threeWorkers, round.flow].map(({ perSecond }) =>
    perSecond.toFixed(0),
  );
  say(`executions/s: one worker ${one}, three ${three}; flow ${flow}`);
}

async function idle(servers: Servers, sizes: Sizes, figures: RunFigures): Promise<void> {
  const round = await measureIdle(servers, sizes);
  figures.idle.push(round);
  const p50 = (times: readonly number[]) => `${quantile(times, 0.5).toFixed(1)} ms`;
  const { redis, bullmq, flow } = round;
  say(
    `idle: run ${p50(redis.toHandler)}, job ${p50(bullmq.idle)}; execution ${p50(redis.execution)}, flow ${p50(flow.idle)}`,
  );
}

/** Rounds in which each part has its turn. */
async function measure(servers: Servers, sizes: Sizes): Promise<RunFigures> {
  const figures: RunFigures = { redis: [], embedded: [], executions: [], idle: [], history: [], plans: [] };
  const has = (part: Part) => sizes.parts.includes(part);
  if (has('history')) say(`making a history of ${sizes.rows.toLocaleString('en')} finished runs`);
  const long = has('history') ? await makeLongHistory(servers, sizes) : null;
  for (let i = 0; i < sizes.rounds; i += 1) {
    if (has('drain')) await drain(servers, sizes, figures);
    if (has('executions')) await executions(servers, sizes, figures);
    if (has('idle')) await idle(servers, sizes, figures);
    if (long === null) continue;
    const { few, many } = await measureHistory(servers, sizes, long);
    figures.history.push({ few, many });
    say(
      `history: ${few.alone.perSecond.toFixed(0)} runs/s with few rows, ${many.alone.perSecond.toFixed(0)} with many`,
    );
  }
  if (long !== null) figures.plans.push(...(await plansAt(servers, sizes, long)));
  return figures;
}

await measurePage(process.argv.slice(2), {
  usage: USAGE,
  sizesOf: parseSizes,
  page: 'docs/benchmarks-runs.md',
  textOf: async (servers, sizes) => report(await measure(servers, sizes), sizes, availableParallelism()),
});

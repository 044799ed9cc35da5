import { availableParallelism } from 'node:os';
import { measurePage } from './measure-page.ts';
import type { Servers } from './runs/servers.ts';
import { quantile } from './statistics.ts';
import { measureIdle } from './tasks/idle.ts';
import { measureLogs } from './tasks/logs.ts';
import { parseSizes, USAGE, type Part, type Sizes } from './tasks/options.ts';
import { measurePriorities } from './tasks/priorities.ts';
import { report, type TaskFigures } from './tasks/report.ts';
import { measureSchedules } from './tasks/schedules.ts';
import { measureSubmit } from './tasks/submit.ts';

const say = (text: string) => void process.stderr.write(`${text}\n`);

type Measure = (servers: Servers, sizes: Sizes, figures: TaskFigures) => Promise<string>;

/** Each measures one round, notes it and says in a line what came of it. */
const PARTS: Record<Part, Measure> = {
  async idle(servers, sizes, figures) {
    const round = await measureIdle(servers, sizes);
    figures.idle.push(round);
    const handler = quantile(
      round.alone.map((sample) => sample.handler),
      0.5,
    );
    return `task to handler ${handler.toFixed(1)} ms, job ${quantile(round.bullmq, 0.5).toFixed(1)} ms`;
  },
  async submit(servers, sizes, figures) {
    const round = await measureSubmit(servers, sizes);
    figures.submit.push(round);
    const told = round.map(({ waiting, executing, bullmq }) =>
      [waiting, executing, bullmq].map(Math.round).join(' / '),
    );
    return `tasks per second, waiting / executing / BullMQ: ${told.join(', ')}`;
  },
  async priorities(servers, sizes, figures) {
    const round = await measurePriorities(servers, sizes);
    figures.priorities.push(round);
    const { noop, lines, levels } = round;
    const told = [noop, lines.perSecond, levels.perSecond].map(Math.round).join(' / ');
    return `tasks per second, one priority / three queues / in one queue: ${told}; parcels passed ${lines.mostPassedParcels}, ${levels.mostPassedParcels}`;
  },
  async schedules(servers, sizes, figures) {
    const round = await measureSchedules(servers, sizes);
    figures.schedules.push(round);
    const [spread, together] = [round.spread, round.together].map(({ fired }) =>
      Math.round(quantile(fired, 0.99)),
    );
    return `fired late by ${spread} ms spread, ${together} ms together (p99)`;
  },
  async logs(servers, sizes, figures) {
    const round = await measureLogs(servers, sizes);
    figures.logs.push(round);
    const { oneTask, taskEach, now } = round;
    const told = [oneTask, taskEach].map(({ perSecond }) => Math.round(perSecond)).join(' / ');
    return `lines per second ${told}; a line now and then after ${quantile(now.delays, 0.5).toFixed(0)} ms`;
  },
};

/** Rounds in which each part has its turn. */
async function measure(servers: Servers, sizes: Sizes): Promise<TaskFigures> {
  const figures: TaskFigures = { idle: [], submit: [], priorities: [], schedules: [], logs: [] };
  for (let round = 1; round <= sizes.rounds; round += 1)
    for (const part of sizes.parts)
      say(`${round}/${sizes.rounds} ${part}: ${await PARTS[part](servers, sizes, figures)}`);
  return figures;
}

await measurePage(process.argv.slice(2), {
  usage: USAGE,
  sizesOf: parseSizes,
  page: 'docs/benchmarks-tasks.md',
  textOf: async (servers, sizes) => report(await measure(servers, sizes), sizes, availableParallelism()),
});

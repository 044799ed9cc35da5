import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from '../src/run-steps.ts';
import { handoverReport, type HandoverFigures } from './handover-report.ts';
import { countTouched, measureKill, measureTerm, startHands } from './handover-measure.ts';
import { insertHistory } from './history.ts';
import { prepareDeployment } from './measure.ts';
import { startPlace, type Place } from './seats.ts';

const USAGE = `Measures how soon another worker goes on when one is stopped or killed, and writes docs/benchmarks-handover.md.

  npm run bench:handover                                  seven rounds and a million finished executions, some ten minutes
  npm run bench:handover -- --rounds 1 --history 10000    a quick look; writes nothing
`;

const ROUNDS = 7;
const HISTORY = 1_000_000;

async function measure(rounds: number, history: number): Promise<HandoverFigures> {
  const place = await startPlace();
  try {
    const hands = startHands(place);
    const figures: HandoverFigures = { term: [], kill: [], killOnHistory: [], touched: [], history };
    figures.touched.push(await countTouched(hands));
    await times(rounds, async () => figures.term.push(await measureTerm(hands)));
    await times(rounds, async () => figures.kill.push(await measureKill(hands)));
    await growOld(place, history);
    figures.touched.push(await countTouched(hands));
    await times(Math.min(rounds, 3), async () => figures.killOnHistory.push(await measureKill(hands)));
    return figures;
  } finally {
    await place.stop();
  }
}

async function growOld(place: Place, executions: number): Promise<void> {
  await prepareDeployment(place);
  await insertHistory(place.databaseUrl, executions);
}

async function times(rounds: number, round: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < rounds; i += 1) {
    await round();
    process.stdout.write('.');
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(USAGE);
  const number = (flag: string, usual: number) =>
    args.includes(flag) ? Number(args[args.indexOf(flag) + 1]) : usual;
  const [rounds, history] = [number('--rounds', ROUNDS), number('--history', HISTORY)];
  const text = handoverReport(await measure(rounds, history), availableParallelism());
  process.stdout.write(`\n${text}`);
  if (rounds >= 5 && history >= HISTORY) await writeFile(join(root, 'docs/benchmarks-handover.md'), text);
}

await main(process.argv.slice(2));

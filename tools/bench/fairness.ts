import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from '../src/run-steps.ts';
import { measureFairness } from './fairness-measure.ts';
import { fairnessPlot, fairnessReport } from './fairness-report.ts';

const USAGE = `Measures how one organisation fares beside another, and writes docs/benchmarks-fairness.md and its plot.

  npm run bench:fairness                  10,000 files waiting, some three minutes
  npm run bench:fairness -- --files 1000  a quick look; writes nothing unless --write is given
`;

const FILES = 10_000;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(USAGE);
  const files = args.includes('--files') ? Number(args[args.indexOf('--files') + 1]) : FILES;
  const figures = await measureFairness(files);
  const text = fairnessReport(figures, availableParallelism());
  process.stdout.write(text);
  if (files < FILES && !args.includes('--write')) return;
  await writeFile(join(root, 'docs/benchmarks-fairness.md'), text);
  await writeFile(join(root, 'docs/benchmarks-fairness.svg'), fairnessPlot(figures));
}

await main(process.argv.slice(2));

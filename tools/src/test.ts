import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisIsAvailable } from '@longshore/testing';
import { jestStep, runStep } from './run-steps.ts';

const USAGE = `Runs the whole suite: unit, integration on real PostgreSQL and Redis, end to end through real processes.

  npm test                      everything
  npm test -- libs/documents    the suites whose path matches
  npm test -- -t "a claim"      the tests whose name matches

Redis: redis-server on the PATH, or a Docker engine. Without either, its suites are named at the end as not run.
`;

interface JestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { name: string; assertionResults: readonly { status: string }[] }[];
}

async function runAll(args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-tests-'));
  const file = join(folder, 'summary.json');
  try {
    const code = await runStep(
      jestStep('tests', ['--json', `--outputFile=${file}`, '--testLocationInResults=false', ...args]),
    );
    return tell(JSON.parse(await readFile(file, 'utf8')) as JestSummary, code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tell(summary: JestSummary, code: number): number {
  const skipped = summary.testResults.filter(({ assertionResults }) =>
    assertionResults.some(({ status }) => status === 'pending' || status === 'skipped'),
  );
  for (const { name } of skipped) process.stdout.write(`Not run, in whole or in part: ${name}\n`);
  const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests } = summary;
  const failed = Math.max(numFailedTests, numFailedTestSuites);
  process.stdout.write(`${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped\n`);
  return failed > 0 ? 1 : code;
}

const args = process.argv.slice(2);
if (args.includes('--help')) process.stdout.write(USAGE);
else {
  if (!(await redisIsAvailable()))
    process.stdout.write('No redis-server and no Docker engine: the Redis suites cannot run.\n');
  process.exitCode = await runAll(args);
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jestStep, root, runStep } from '../run-steps.ts';
import type { Mutant } from './mutant.ts';

/** What the spec said while the defence was out. */
export type Verdict =
  | { readonly verdict: 'noticed' }
  /** The test passed without the defence: it does not prove it. */
  | { readonly verdict: 'missed' }
  /** Nothing is proven: the test is not there, or something else broke. */
  | { readonly verdict: 'no answer'; readonly reason: string };

interface Summary {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

interface Assertion {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

const LONGEST_MS = 90_000;

/** A failed expectation. A mutant that breaks the code outright is refused by anything, and so by no test in particular. */
const EXPECTATION = /\bexpect\(|\bAssertionError\b/;

/** Runs the test that must notice, with the mutation in the build and nothing else changed; in a process of its own. */
export async function runMutant(mutant: Mutant): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-mutant-'));
  const file = join(folder, 'summary.json');
  try {
    const step = jestStep('mutant', [
      ...['--config', JSON.stringify(await configOf(mutant)), '--runInBand', '--forceExit'],
      ...['--json', `--outputFile=${file}`, '-t', patternOf(mutant.test)],
    ]);
    // A test that fails in the middle may leave open what it would have closed.
    const isOver = AbortSignal.timeout(LONGEST_MS);
    await runStep({ ...step, quiet: true, signal: isOver });
    if (isOver.aborted) return { verdict: 'no answer', reason: `not within ${LONGEST_MS / 1000} s` };
    return verdictOf(JSON.parse(await readFile(file, 'utf8')) as Summary, mutant.test);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface SuiteConfig {
  readonly transform: Readonly<Record<string, readonly [name: string, swc: object]>>;
}

/** The suite's configuration for this one spec, with the mutation in its transform. */
async function configOf({ file, from, to, spec }: Mutant): Promise<object> {
  const { default: config } = (await import(join(root, 'jest.config.mjs'))) as { default: SuiteConfig };
  const [[pattern, [, swc]]] = Object.entries(config.transform) as [[string, [string, object]]];
  const mutation = { file, from, to };
  return {
    ...config,
    rootDir: root,
    testMatch: [join(root, spec)],
    transform: { [pattern]: [join(import.meta.dirname, 'mutating-transform.ts'), { mutation, root, swc }] },
  };
}

function patternOf(test: string): string {
  return test.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}

function verdictOf({ testResults }: Summary, test: string): Verdict {
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName, status }) => fullName.includes(test) && ['passed', 'failed'].includes(status));
  if (ran.length === 0) {
    const reason = testResults.map(({ message }) => message).join('\n') || 'no such test';
    return { verdict: 'no answer', reason };
  }
  const failures = ran.flatMap(({ failureMessages }) => failureMessages);
  if (failures.length === 0) return { verdict: 'missed' };
  if (failures.some((failure) => EXPECTATION.test(failure))) return { verdict: 'noticed' };
  return { verdict: 'no answer', reason: failures.join('\n') };
}

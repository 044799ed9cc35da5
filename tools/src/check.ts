import { bin, jestStep, projectGraphStep, runStep, type Step } from './run-steps.ts';

/** Everything that must hold before a commit, fastest complaint first. `npm run format` mends the first. */
const steps: readonly Step[] = [
  { label: 'format', args: [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'] },
  projectGraphStep,
  {
    label: 'lint and import rules',
    args: [bin('eslint/bin/eslint.js'), 'apps', 'libs', 'tools', '--max-warnings', '0'],
    env: { NX_DAEMON: 'false' },
  },
  { label: 'types', args: [bin('typescript/bin/tsc'), '-p', 'tsconfig.json'] },
  { label: 'unused code', args: [bin('knip/bin/knip.js')] },
  jestStep('unit tests', ['--silent', '--testPathIgnorePatterns', 'integration', 'e2e']),
];

const failed: string[] = [];
for (const step of steps) {
  process.stdout.write(`\n— ${step.label}\n`);
  if ((await runStep(step)) !== 0) failed.push(step.label);
}
process.stdout.write(failed.length === 0 ? '\nEverything holds.\n' : `\nFailed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;

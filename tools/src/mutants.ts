import { mutants } from './mutants/mutants.ts';
import { runMutant } from './mutants/run-mutant.ts';

const USAGE = `Takes one defence after the other out of the build, and says whether the suite notices.

  npm run mutants               all of them; the table is tools/src/mutants/mutants.ts
  npm run mutants -- outbox     those whose defence or spec has this text
`;

async function tryAll(wanted: readonly string[]): Promise<boolean> {
  let good = true;
  for (const mutant of mutants) {
    const { defence, spec, takesOut } = mutant;
    if (wanted.length > 0 && !wanted.some((text) => `${defence} ${spec}`.includes(text))) continue;
    const verdict = await runMutant(mutant);
    const reason = 'reason' in verdict ? `\n${verdict.reason}` : '';
    process.stdout.write(`${verdict.verdict.padEnd(10)} ${defence}: ${takesOut}${reason}\n`);
    good &&= verdict.verdict === 'noticed';
  }
  return good;
}

const args = process.argv.slice(2);
if (args.includes('--help')) process.stdout.write(USAGE);
else process.exitCode = (await tryAll(args)) ? 0 : 1;

import { describe, expect, it } from '@jest/globals';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';
import { runMutant } from './run-mutant.ts';

const [guard] = mutants as [Mutant, ...Mutant[]];

/** The rest of the table is tried by `npm run mutants`: all together takes longer than a run of the suite should wait for. */
describe('the suite notices that it is gone:', () => {
  const always = mutants.filter((mutant) => mutant.always);
  it.each(always.map((mutant): [string, Mutant] => [mutant.defence, mutant]))(
    '%s',
    async (_defence, mutant) => {
      expect(await runMutant(mutant)).toEqual({ verdict: 'noticed' });
    },
  );
});

describe('a mutant proves nothing', () => {
  it('when its test does not care for what it takes out', async () => {
    const harmless = { ...guard, test: 'is signed with HMAC-SHA-256, also with a secret of 32 bytes' };
    const spec = 'apps/backend/src/runs/run-tokens.spec.ts';
    expect(await runMutant({ ...harmless, spec })).toEqual({ verdict: 'missed' });
  });

  it('when its test is not there, or breaks for another reason', async () => {
    const spec = 'apps/backend/src/runs/run-tokens.spec.ts';
    expect(await runMutant({ ...guard, spec, test: 'nobody wrote this' })).toMatchObject({
      verdict: 'no answer',
    });
    const file = 'apps/backend/src/runs/run-tokens.ts';
    const broken = {
      ...guard,
      file,
      spec,
      test: 'says what it was issued for',
      from: `const PREFIX = 'lsr_';`,
    };
    for (const to of ['const PREFIX = ;', 'const PREFIX = nowhere;'])
      expect(await runMutant({ ...broken, to })).toMatchObject({ verdict: 'no answer' });
  });

  it('when the code is not any more what it says', async () => {
    const stale = await runMutant({ ...guard, from: 'nothing that is there' });
    expect(stale).toMatchObject({ verdict: 'no answer' });
    expect(JSON.stringify(stale)).toContain('does not hold what is to be taken out of it');
  });
});

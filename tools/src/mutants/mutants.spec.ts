import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../run-steps.ts';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';
import { mutated, StaleMutationError } from './mutation.ts';

/** Long enough not to be the beginning of anything by chance. */
const isTelling = (title: string) => title.length > 12;
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const named = mutants.map((mutant): [string, Mutant] => [mutant.defence, mutant]);

describe('the table of mutants', () => {
  it.each(named)('takes something out that is still there: %s', (_defence, mutant) => {
    expect(mutated(textOf(mutant.file), mutant)).not.toBe(textOf(mutant.file));
  });

  it.each(named)('names a test of a spec that there is: %s', (_defence, { spec, test }) => {
    expect(existsSync(join(root, spec))).toBe(true);
    const text = textOf(spec);
    // A full name is titles with a blank between them; one that is named in part has one title at least.
    const titles = [...text.matchAll(/'((?:[^'\\\n]|\\.)+)'/g)].map(([, title]) => title!).filter(isTelling);
    expect(titles.filter((title) => title.startsWith(test) || test.startsWith(title))).not.toEqual([]);
  });

  it('has one entry of a name, and those that every run of the suite tries', () => {
    expect(new Set(mutants.map(({ defence }) => defence)).size).toBe(mutants.length);
    const always = mutants.filter((mutant) => mutant.always).map(({ defence }) => defence);
    expect(always).toEqual([
      ...['terminal guard', 'epoch', 'session: lapse', 'session: fence', 'outbox', 'batch split'],
    ]);
  });
});

describe('a mutation', () => {
  const mutation = { file: 'a.ts', from: 'guard();', to: '' };

  it('changes one place, and takes nothing in it for a pattern', () => {
    expect(mutated('a; guard(); b;', { ...mutation, to: '$& $1' })).toBe('a; $& $1 b;');
  });

  it.each([
    ['is gone', 'a; b;', 'a.ts does not hold what is to be taken out of it: guard();'],
    ['is there twice', 'guard(); guard();', 'a.ts holds 2 times what is to be taken out of it: guard();'],
  ])('whose place %s is refused as stale', (_what, source, message) => {
    expect(() => mutated(source, mutation)).toThrow(new StaleMutationError(message));
  });
});

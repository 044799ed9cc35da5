import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { mutants } from './mutants/mutants.ts';
import { root } from './run-steps.ts';

const ROWS = 25;
/** What is not built yet, and says so in its row. */
const PENDING: readonly number[] = [];

const page = readFileSync(join(root, 'docs/failure-modes.md'), 'utf8');
const rows = [...page.matchAll(/^## (\d+)\. [^]*?(?=^## )/gm)].map(([text, row]) => ({
  row: Number(row),
  text,
  tests: [...text.matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, spec, title]) => ({
    spec: spec!,
    title: title!,
  })),
}));
const TITLE = /(["'`])(failure modes? (?:(?!\1).)+)\1/g;
/** The titles with a number, of each spec. */
const titles = new Map(
  globSync('{apps,libs}/**/*.spec.ts', { cwd: root, exclude: (name) => name.includes('node_modules') })
    .map((spec): [string, string[]] => [
      spec,
      [...readFileSync(join(root, spec), 'utf8').matchAll(TITLE)].map(([, , title]) => title!),
    ])
    .filter(([, found]) => found.length > 0),
);
const named = rows.flatMap(({ row, tests }) => tests.map((test) => ({ row, ...test })));
const rowsOf = (title: string) =>
  [...title.slice(0, title.indexOf(':')).matchAll(/\d+/g)].map(([row]) => Number(row));

describe('docs/failure-modes.md', () => {
  it('has every row, in order, and each that is not pending names tests', () => {
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: ROWS }, (_, index) => index + 1));
    const without = rows.filter(({ tests }) => tests.length === 0);
    expect(without.map(({ row }) => row)).toEqual(PENDING);
    for (const { text } of without) expect(text).toContain('Pending: ');
  });

  it.each(named)(
    'row $row names a test that there is, and that has its number: $title',
    ({ row, spec, title }) => {
      expect((titles.get(spec) ?? []).filter((each) => each.startsWith(title))).not.toEqual([]);
      expect(rowsOf(title)).toContain(row);
    },
  );

  it('names every test with a number', () => {
    const isNamed = (spec: string, title: string) =>
      named.some((each) => each.spec === spec && title.startsWith(each.title));
    const unnamed = [...titles].flatMap(([spec, found]) => found.filter((title) => !isNamed(spec, title)));
    expect(unnamed).toEqual([]);
  });
});

it('every mutant takes out the defence of a row', () => {
  expect(mutants.map(({ row }) => row).filter((row) => !(row >= 1 && row <= ROWS))).toEqual([]);
});

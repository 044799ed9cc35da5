import { describe, expect, it } from '@jest/globals';
import { checkRows, type ResultRow } from './check-rows.ts';
import type { PipelineEntry } from './pipeline-load.ts';

const [one, two] = [
  { name: 'one.txt', output: { number: '1', total: 1.5 } },
  { name: 'two.txt', output: { number: '2', total: 2 } },
];
const pipeline = { id: 'p', source: '/in', destination: { table: 'results' } };
const entry = (tag: string, files: PipelineEntry['files']): PipelineEntry => {
  return { tag, pipeline, files, postedAt: 0, executionIds: [`execution-${tag}`], samples: [] };
};
/** A pipeline that was run twice with a new file each time. */
const entries = [entry('a', [one]), entry('b', [{ ...one, wasDelivered: true }, two])];
const rowOne: ResultRow = { execution: 'execution-a', file: 'one.txt', number: '1', total: 1.5 };
const rowTwo: ResultRow = { execution: 'execution-b', file: 'two.txt', number: '2', total: 2 };

const kinds = (...rows: ResultRow[]) =>
  checkRows(entries, new Map([['results', rows]])).map(({ kind }) => kind);

describe('the rows of a table', () => {
  it('are right when each file has one, of the execution that it was put there for', () => {
    expect(kinds(rowOne, rowTwo)).toEqual([]);
  });

  it.each<[string, string[], ResultRow[]]>([
    ['a file that has none', ['lost'], [rowOne]],
    ['a file that has two of one execution', ['doubled'], [rowOne, rowTwo, rowTwo]],
    [
      'a file that a later execution wrote again',
      ['doubled'],
      [rowOne, { ...rowOne, execution: 'execution-b' }, rowTwo],
    ],
    [
      'a file that another execution wrote',
      ['doubled', 'lost'],
      [{ ...rowOne, execution: 'execution-b' }, rowTwo],
    ],
    ['another value', ['wrong'], [{ ...rowOne, total: 2 }, rowTwo]],
    ['a file that nobody put there', ['foreign'], [rowOne, rowTwo, { ...rowTwo, file: 'three.txt' }]],
  ])('show %s', (_what, expected, rows) => {
    expect(kinds(...rows)).toEqual(expected);
  });

  it('are missing where the table was never made', () => {
    expect(kinds()).toEqual(['lost', 'lost']);
  });
});

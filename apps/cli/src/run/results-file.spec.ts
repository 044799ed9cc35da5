import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openResults, type ResultLine } from './results-file.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const line = (file: string): ResultLine => ({
  ...{ file, sha256: 'a'.repeat(64), status: 'succeeded', output: { total: 5 }, error: null },
  execution_id: '019a0000-0000-7000-8000-000000000001',
});
const textOf = (...files: string[]) => files.map((file) => `${JSON.stringify(line(file))}\n`).join('');

function setup(text?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-results-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'results.jsonl');
  if (text !== undefined) writeFileSync(path, text);
  return { path, folder, text: () => readFileSync(path, 'utf8') };
}

describe('results', () => {
  it('are begun, and gone on with; a file of the same name with another content is another one', () => {
    const { path, text, folder } = setup();
    const first = openResults(path);
    first.add(line('a.pdf'));
    first.close();
    const second = openResults(path);
    expect(second.lineOf('a.pdf', 'a'.repeat(64))).toEqual(line('a.pdf'));
    expect(second.lineOf('a.pdf', 'b'.repeat(64))).toBeUndefined();
    second.add(line('b.pdf'));
    second.close();
    expect(text()).toBe(textOf('a.pdf', 'b.pdf'));
    expect(readdirSync(folder)).toEqual(['results.jsonl']);
  });

  it('lose a line that was cut off anywhere, and no other', () => {
    const [whole, cut] = [textOf('ä.pdf'), textOf('b.pdf').trimEnd()];
    for (const length of [1, 5, 9, 40, cut.length - 1]) {
      const { path, text } = setup(whole + cut.slice(0, length));
      const results = openResults(path);
      expect(results.lineOf('b.pdf', 'a'.repeat(64))).toBeUndefined();
      results.add(line('c.pdf'));
      results.close();
      expect(text()).toBe(textOf('ä.pdf', 'c.pdf'));
    }
  });

  it('keep a line that only lacks its end', () => {
    const { path, text } = setup(textOf('a.pdf', 'b.pdf').trimEnd());
    const results = openResults(path);
    expect(results.lineOf('b.pdf', 'a'.repeat(64))).toBeDefined();
    results.add(line('c.pdf'));
    results.close();
    expect(text()).toBe(textOf('a.pdf', 'b.pdf', 'c.pdf'));
  });

  it.each(['notes\n', 'notes', '{"a":1}\n', `${textOf('a.pdf')}\n`, `${textOf('a.pdf')}notes`])(
    'are not taken from %j, which stays as it is',
    (content) => {
      const { path, text, folder } = setup(content);
      expect(() => openResults(path)).toThrow('name another file with -o');
      expect(text()).toBe(content);
      expect(readdirSync(folder)).toEqual(['results.jsonl']);
    },
  );

  it('are written by one at a time', () => {
    const { path } = setup();
    const first = openResults(path);
    expect(() => openResults(path)).toThrow('Another "longshore run" writes');
    first.close();
    openResults(path).close();
  });
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { filesToRun } from './files-to-run.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-files-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'inbox', 'old'), { recursive: true });
  mkdirSync(join(folder, 'inbox', '.hidden'));
  for (const name of ['b.pdf', 'a.pdf', 'a[1].pdf', 'old/c.pdf', '.hidden/x.pdf', '.secret', 'results.jsonl'])
    writeFileSync(join(folder, 'inbox', name), name);
  symlinkSync('nowhere', join(folder, 'inbox', 'dangling'));
  const inbox = join(folder, 'inbox');
  const files = (...given: string[]) =>
    filesToRun(
      given.map((name) => join(inbox, name)),
      join(inbox, 'results.jsonl'),
    ).map((file) => file.slice(inbox.length + 1));
  return Object.assign(files, { inbox });
}

describe('the files of a batch', () => {
  it('are those of folders, patterns and names, each once and in order, without the results', () => {
    const files = setup();
    expect(files('')).toEqual(['a.pdf', 'a[1].pdf', 'b.pdf', 'old/c.pdf']);
    expect(files('*.pdf', 'b.pdf', './b.pdf')).toEqual(['a.pdf', 'a[1].pdf', 'b.pdf']);
    expect(files('a[1].pdf')).toEqual(['a[1].pdf']);
    expect(files('**/*.pdf')).toContain('old/c.pdf');
    expect(files('.secret')).toEqual(['.secret']);
  });

  it('are files: what else a pattern matches is passed over, for a pipe would be waited for', () => {
    const files = setup();
    const place = files.inbox;
    symlinkSync('loop.pdf', join(place, 'loop.pdf'));
    symlinkSync('gone.pdf', join(place, 'gone.pdf'));
    symlinkSync('a.pdf', join(place, 'link.pdf'));
    mkdirSync(join(place, 'folder.pdf'));
    execFileSync('/usr/bin/env', ['mkfifo', join(place, 'pipe.pdf')]);
    expect(files('*.pdf')).toEqual(['a.pdf', 'a[1].pdf', 'b.pdf', 'link.pdf']);
    expect(files('')).toEqual(['a.pdf', 'a[1].pdf', 'b.pdf', 'link.pdf', 'old/c.pdf']);
  });

  it('must be there', () => {
    const files = setup();
    expect(() => files('a.pdf', 'no.pdf', '*.docx')).toThrow(/no file .*no\.pdf, .*\*\.docx\./);
  });
});

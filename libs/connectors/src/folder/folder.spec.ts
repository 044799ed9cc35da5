import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { allowedFolders } from './allowed-folders.ts';
import { openFolderDestination } from './folder-destination.ts';
import { openFolderSource, type FolderFile } from './folder-source.ts';

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** An allowed folder `data`, and beside it one that is not. */
function setup(files: Readonly<Record<string, string>> = {}) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'longshore-folder-')));
  made.push(root);
  const [data, outside] = [join(root, 'data'), join(root, 'data-outside')];
  mkdirSync(data);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.txt'), 'secret');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(data, path, '..'), { recursive: true });
    writeFileSync(join(data, path), content);
  }
  const folders = allowedFolders([data]);
  const source = (options: { glob?: string; recursive?: boolean; path?: string; now?: () => number } = {}) =>
    openFolderSource({ folders, path: data, glob: '**/*', recursive: true, ...options });
  return { root, data, outside, folders, source };
}

const { signal } = new AbortController();

function pathsOf(files: readonly FolderFile[]): string[] {
  return files.map(({ path }) => path);
}

async function contentOf(generator: AsyncGenerator<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of generator) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('the files of a folder', () => {
  const files = { 'b.txt': 'B', 'sub/a.pdf': 'A', 'sub/deep/C.PDF': 'C', '.hidden': 'H', '.git/x.pdf': 'X' };

  it.each([
    ['**/*', true, ['b.txt', 'sub/a.pdf', 'sub/deep/C.PDF']],
    ['**/*', false, ['b.txt']],
    ['**/*.pdf', true, ['sub/a.pdf', 'sub/deep/C.PDF']],
    ['*.{pdf,txt}', true, ['b.txt']],
    ['sub/*', true, ['sub/a.pdf']],
    ['*.docx', true, []],
  ])(
    'that fit %s (with subfolders: %s) are listed in order, hidden ones left out',
    async (glob, recursive, all) => {
      const source = await setup(files).source({ glob, recursive });
      expect(pathsOf(await source.list(10, signal))).toEqual(all);
    },
  );

  it('are read as they are', async () => {
    const source = await setup({ 'a.txt': 'x'.repeat(200_000) }).source();
    expect(await contentOf(source.read('a.txt', { signal, maxBytes: 200_000 }))).toBe('x'.repeat(200_000));
  });

  it('are not listed in part: neither when there are too many, nor when one folder cannot be read', async () => {
    const { data, source } = setup({ 'a.txt': 'A', 'b.txt': 'B', 'c/d.txt': 'D' });
    await expect((await source()).list(2, signal)).rejects.toMatchObject({ problem: 'too_many' });
    const opened = await source();
    rmSync(data, { recursive: true });
    await expect(opened.list(10, signal)).rejects.toMatchObject({ problem: 'unreadable' });
  });

  it('that are too large, gone, or no files fail with the reason', async () => {
    const { data, source } = setup({ 'a.txt': 'AA', 'sub/b.txt': 'B' });
    execFileSync('/usr/bin/env', ['mkfifo', join(data, 'pipe')]);
    const { read } = await source();
    const reading = (path: string) => contentOf(read(path, { signal, maxBytes: 1 }));
    await expect(reading('a.txt')).rejects.toMatchObject({ problem: 'too_large' });
    await expect(reading('gone.txt')).rejects.toMatchObject({ problem: 'missing' });
    await expect(reading('sub')).rejects.toMatchObject({ problem: 'unreadable' });
    await expect(reading('pipe')).rejects.toMatchObject({ problem: 'unreadable' });
  });

  it('that are written to while they are read fail, rather than come in part', async () => {
    const { data, source } = setup({ 'a.txt': 'x'.repeat(300_000) });
    const reading = (await source()).read('a.txt', { signal, maxBytes: 1_000_000 });
    await reading.next();
    appendFileSync(join(data, 'a.txt'), 'more');
    utimesSync(join(data, 'a.txt'), new Date(), new Date(1));
    await expect(contentOf(reading)).rejects.toMatchObject({ problem: 'changed' });
  });
});

describe('nothing outside of the allowed folders is read', () => {
  it('where none is allowed', async () => {
    const { data } = setup();
    const source = openFolderSource({ folders: allowedFolders([]), path: data, glob: '*', recursive: true });
    await expect(source).rejects.toMatchObject({ problem: 'not_allowed' });
    await expect(source).rejects.toThrow('PIPELINE_FOLDERS is empty');
  });

  it.each([
    ['/etc', 'not_allowed'],
    ['DATA/../data-outside', 'not_allowed'],
    ['DATA-outside', 'not_allowed'],
    ['DATA-missing', 'not_allowed'],
    ['DATA/link', 'not_allowed'],
    ['DATA/missing', 'missing'],
    ['DATA/file.txt', 'missing'],
  ])('not %s: %s', async (path, problem) => {
    const { data, outside, source } = setup({ 'file.txt': 'x' });
    symlinkSync(outside, join(data, 'link'));
    await expect(source({ path: path.replace('DATA', data) })).rejects.toMatchObject({ problem });
  });

  it('through links: of files and of folders, to elsewhere and to nowhere', async () => {
    const { data, outside, source } = setup({ 'sub/a.txt': 'A' });
    symlinkSync(join(outside, 'secret.txt'), join(data, 'file-link'));
    symlinkSync(outside, join(data, 'folder-link'));
    symlinkSync(join(data, 'sub/a.txt'), join(data, 'inner-link'));
    symlinkSync(join(data, 'nowhere'), join(data, 'dead-link'));
    const { list, read } = await source();
    expect(pathsOf(await list(10, signal))).toEqual([
      ...['dead-link', 'file-link', 'folder-link', 'inner-link', 'sub/a.txt'],
    ]);
    const reading = (path: string) => contentOf(read(path, { signal, maxBytes: 100 }));
    await expect(reading('file-link')).rejects.toMatchObject({ problem: 'not_allowed' });
    await expect(reading('folder-link')).rejects.toMatchObject({ problem: 'unreadable' });
    await expect(reading('folder-link/secret.txt')).rejects.toMatchObject({ problem: 'not_allowed' });
    await expect(reading('../data-outside/secret.txt')).rejects.toMatchObject({ problem: 'not_allowed' });
    await expect(reading('dead-link')).rejects.toMatchObject({ problem: 'missing' });
    expect(await reading('inner-link')).toBe('A');
  });
});

describe('what is written into a folder', () => {
  const open = ({ data, folders }: ReturnType<typeof setup>, path = join(data, 'out/deep')) =>
    openFolderDestination({ folders, path, owner: 'one' });

  it('is there whole, under its path, and replaces what was there', async () => {
    const place = setup();
    const destination = await open(place);
    await destination.write('a/b.json', 'first', signal);
    await destination.write('a/b.json', 'second', signal);
    await destination.close();
    expect(readFileSync(join(place.data, 'out/deep/a/b.json'), 'utf8')).toBe('second');
    expect(readdirSync(join(place.data, 'out/deep'), { recursive: true }).sort()).toEqual(['a', 'a/b.json']);
  });

  it('is not there at all when it was called off', async () => {
    const place = setup();
    const destination = await open(place);
    await expect(destination.write('a.json', 'x', AbortSignal.abort(new Error('off')))).rejects.toThrow(
      'off',
    );
    await destination.close();
    expect(readdirSync(join(place.data, 'out/deep'))).toEqual([]);
  });

  it('leaves nothing of an attempt that was cut off, and all of others', async () => {
    const place = setup({ 'out/deep/.longshore/one-x': 'half', 'out/deep/.longshore/two-x': 'half' });
    const destination = await open(place);
    await destination.close();
    expect(readdirSync(join(place.data, 'out/deep/.longshore'))).toEqual(['two-x']);
  });

  it('still is, after another one that writes there has left', async () => {
    const place = setup();
    const [one, other] = [await open(place), await open(place)];
    await other.close();
    await one.write('a.json', 'x', signal);
    expect(existsSync(join(place.data, 'out/deep/a.json'))).toBe(true);
  });

  it.each([
    ['through a link of a folder', 'link/a.json'],
    ['over a folder', 'sub'],
    ['below a file', 'file/a.json'],
    ['upwards', '../../a.json'],
    ['from the root', '/a.json'],
    ['with a name that is too long', `${'x'.repeat(300)}.json`],
  ])('is not written %s, which concerns that file alone', async (_how, path) => {
    const place = setup({ 'out/file': 'x', 'out/sub/y': 'y' });
    symlinkSync(place.outside, join(place.data, 'out/link'));
    const destination = await open(place, join(place.data, 'out'));
    await expect(destination.write(path, 'x', signal)).rejects.toMatchObject({ problem: 'unwritable' });
    expect(readdirSync(place.outside)).toEqual(['secret.txt']);
    await destination.write('good.json', 'x', signal);
  });

  it('replaces a link, and never what it leads to', async () => {
    const place = setup();
    const destination = await open(place);
    symlinkSync(join(place.outside, 'secret.txt'), join(place.data, 'out/deep/a.json'));
    await destination.write('a.json', 'x', signal);
    expect(readFileSync(join(place.outside, 'secret.txt'), 'utf8')).toBe('secret');
  });

  it.each([
    ['elsewhere', 'data-outside', 'not_allowed'],
    ['through a link', 'data/link/out', 'not_allowed'],
    ['through a link to nowhere', 'data/dead/out', 'unwritable'],
    ['where a file is', 'data/file', 'unwritable'],
  ])('goes to no folder %s', async (_how, path, problem) => {
    const place = setup({ file: 'x' });
    symlinkSync(place.outside, join(place.data, 'link'));
    symlinkSync(join(place.outside, 'new'), join(place.data, 'dead'));
    await expect(open(place, join(place.root, path))).rejects.toMatchObject({ problem });
    expect(readdirSync(place.outside)).toEqual(['secret.txt']);
  });
});

describe('the mark of a file', () => {
  /** Marks as they are seen some minutes from now. */
  async function marks({ source }: ReturnType<typeof setup>) {
    const now = () => Date.now() + 600_000;
    const files = await (await source({ now })).list(10, signal);
    return Object.fromEntries(files.map(({ path, mark }) => [path, mark]));
  }

  it('stays while nobody writes to it', async () => {
    const given = setup({ 'a.txt': 'A', 'b.txt': 'A' });
    const before = await marks(given);
    readFileSync(join(given.data, 'a.txt'));
    expect(await marks(given)).toEqual(before);
    expect(before['a.txt']).toEqual(expect.any(String));
    expect(before['a.txt']).not.toBe(before['b.txt']);
  });

  it('is another after a write that leaves size and time of the write as they were', async () => {
    const given = setup({ 'a.txt': 'A' });
    const [before, file] = [await marks(given), join(given.data, 'a.txt')];
    const { atime, mtime } = statSync(file);
    // The clock of the file system has a tick too.
    do writeFileSync(file, 'B');
    while (statSync(file).ctimeMs === mtime.getTime());
    utimesSync(file, atime, mtime);
    expect((await marks(given))['a.txt']).not.toBe(before['a.txt']);
  });

  it('is another after another file took its place', async () => {
    const given = setup({ 'a.txt': 'A', 'sub/b.txt': 'B' });
    const before = await marks(given);
    renameSync(join(given.data, 'sub/b.txt'), join(given.data, 'a.txt'));
    expect((await marks(given))['a.txt']).not.toBe(before['a.txt']);
  });

  it('is none for what was written just now, or is no file', async () => {
    const { source, data, outside } = setup({ 'a.txt': 'A' });
    symlinkSync(outside, join(data, 'link'));
    const files = await (await source()).list(10, signal);
    expect(files).toEqual([
      { path: 'a.txt', mark: null },
      { path: 'link', mark: null },
    ]);
  });
});

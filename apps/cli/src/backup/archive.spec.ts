import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ArchiveEntry, FILES_PER_LIST, textEntry } from './archive-format.ts';
import { readArchive } from './read-archive.ts';
import { createArchive } from './write-archive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-archive-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function write(name: string, entries: readonly ArchiveEntry[]): Promise<string> {
  const file = join(folder, name);
  const archive = createArchive(file);
  for (const entry of entries) await archive.add(entry);
  await archive.finish();
  return file;
}

async function read(file: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  await readArchive(file, {
    take: async ({ path, content }) => void found.set(path, await buffer(content())),
  });
  return found;
}

const large = (path: string, pieces: number): ArchiveEntry => ({
  path,
  kind: 'file',
  size: pieces * 65_536,
  content: async function* () {
    for (let piece = 0; piece < pieces; piece += 1) yield Buffer.alloc(65_536, piece);
  },
});
const empty: ArchiveEntry = { path: 'a/empty', kind: 'file', size: 0, content: async function* () {} };
const holder: ArchiveEntry = { path: 'a/folder', kind: 'folder', size: 0, content: async function* () {} };
const long = textEntry(`a/${'deep/'.repeat(30)}${'name'.repeat(30)}.txt`, 'ä');

describe('an archive', () => {
  it.each(['x.tar.zst', 'x.tar.gz', 'x.tgz'])(
    '%s gives back what was put in, for its owner alone',
    async (name) => {
      const file = await write(name, [textEntry('a/b', 'hello'), empty, holder, large('a/large', 100), long]);
      const found = await read(file);
      expect([...found.keys()]).toEqual(['a/b', 'a/empty', 'a/folder', 'a/large', long.path]);
      expect(found.get('a/b')!.toString()).toBe('hello');
      expect(found.get('a/large')!.length).toBe(6_553_600);
      expect(found.get('a/large')!.at(-1)).toBe(99);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    },
  );

  it('of many files lists their checksums on the way', async () => {
    const many = Array.from({ length: 2 * FILES_PER_LIST + 7 }, (_, index) =>
      textEntry(`f/${index}`, `${index}`),
    );
    expect((await read(await write('many.tar.zst', many))).size).toBe(many.length);
  });

  it('whose bytes changed is refused, and the file named', async () => {
    const tar = gunzipSync(
      readFileSync(await write('x.tar.gz', [textEntry('a/b', 'hello'), textEntry('a/c', 'x')])),
    );
    tar[tar.indexOf('hello')] = 0x48;
    writeFileSync(join(folder, 'changed.tar.gz'), gzipSync(tar));
    await expect(read(join(folder, 'changed.tar.gz'))).rejects.toThrow(/is damaged \(a\/b\)/);
  });

  it.each(['x.tar.zst', 'x.tar.gz'])('%s that was cut off is refused', async (name) => {
    const file = await write(name, [textEntry('a/b', 'hello'), large('a/large', 50)]);
    const bytes = readFileSync(file);
    for (const part of [0.99, 0.7, 0.3]) {
      writeFileSync(file, bytes.subarray(0, Math.floor(bytes.length * part)));
      await expect(read(file)).rejects.toThrow(/is damaged or cut off/);
    }
  });

  it('that ends between two entries is refused', async () => {
    const tar = gunzipSync(readFileSync(await write('x.tar.gz', [textEntry('a/b', 'hello')])));
    writeFileSync(
      join(folder, 'cut.tar.gz'),
      gzipSync(Buffer.concat([tar.subarray(0, 1024), Buffer.alloc(1024)])),
    );
    await expect(read(join(folder, 'cut.tar.gz'))).rejects.toThrow(/is damaged or cut off/);
  });

  it('that would lead out of its folder is refused', async () => {
    await expect(read(await write('x.tar.gz', [textEntry('a/../../b', 'x')]))).rejects.toThrow(/is damaged/);
  });

  it('is something else than any other file', async () => {
    const file = join(folder, 'other.tar.gz');
    writeFileSync(file, 'not at all');
    await expect(read(file)).rejects.toThrow(/is no backup of Longshore/);
    expect(() => createArchive(join(folder, 'x.zip'))).toThrow(/let its name end with/);
  });

  it('leaves nothing when it is given up, or when its disk fails', async () => {
    const archive = createArchive(join(folder, 'x.tar.gz'));
    await archive.add(large('a', 3));
    await archive.abandon();
    const nowhere = createArchive(join(folder, 'missing', 'x.tar.gz'));
    await expect(nowhere.add(large('a', 300))).rejects.toThrow('ENOENT');
    await nowhere.abandon();
    expect(() => statSync(join(folder, 'x.tar.gz.unfinished'))).toThrow('ENOENT');
  });
});

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { openFileStore, type FileStore } from './file-store.ts';

let folder: string;
let store: FileStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-files-'));
  store = await openFileStore(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const files = async () =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
const read = async (size: number, offset = 0, object = 'uploads/a') =>
  (await store.readSlices([{ object, offset, size }]))[0]?.toString();

it('an object is there once it is committed, and not before', async () => {
  const pending = await store.begin('uploads/a');
  await pending.append(Buffer.from('hello '));
  await pending.append(Buffer.from('world'));
  expect(await read(11)).toBeUndefined();
  await pending.commit();
  expect([pending.size, await read(11), await read(5, 6)]).toStrictEqual([11, 'hello world', 'world']);
  expect(await files()).toStrictEqual(['uploads/a']);
});

it('what is discarded is gone, before and after it was committed', async () => {
  const first = await store.begin('uploads/a');
  await first.append(Buffer.alloc(600_000));
  await first.discard();
  const second = await store.begin('uploads/a');
  await second.commit();
  await second.discard();
  expect(await files()).toStrictEqual([]);
});

it('two that write the same object do not mix; the last to commit is what is read', async () => {
  const [one, two] = [await store.begin('uploads/a'), await store.begin('uploads/a')];
  await one.append(Buffer.alloc(300_000, '1'));
  await two.append(Buffer.alloc(300_000, '2'));
  await one.append(Buffer.alloc(300_000, '1'));
  await one.commit();
  await two.commit();
  expect(await read(300_000)).toBe('2'.repeat(300_000));
  expect(await read(300_001)).toBeUndefined();
});

it('a slice streams from its offset to its end', async () => {
  const pending = await store.begin('uploads/a');
  await pending.append(Buffer.from('0123456789'));
  await pending.commit();
  const chunks = await store.stream({ object: 'uploads/a', offset: 3, size: 4 }).toArray();
  expect(Buffer.concat(chunks as Buffer[]).toString()).toBe('3456');
});

it('no name leads out of the folder', async () => {
  for (const object of [
    '../keys',
    'outputs/../../keys',
    'outputs/a/../../keys',
    '/etc/passwd',
    'outputs/..',
    'a\0/b',
  ]) {
    await expect(read(1, 0, object)).rejects.toThrow('is no name of a stored object');
    await expect(store.begin(object)).rejects.toThrow();
  }
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { queryOnce } from '@longshore/embedded-postgres';
import type { DatabaseTemplate } from '../postgres.ts';
import { joinSharedServer } from './join.ts';

/** A keeper as a run starts it. */
function startKeeper() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-keeper-'));
  const program = join(import.meta.dirname, 'keeper.ts');
  const keeper = spawn(process.execPath, [program, folder], { stdio: ['pipe', 'ignore', 'inherit'] });
  return { folder, keeper, socket: join(folder, 'socket'), ended: once(keeper, 'exit') };
}

const shelf: DatabaseTemplate = {
  name: 'shelf',
  fill: async (url) => void (await queryOnce(url, `create table books as select 'first' as title`)),
};
const titles = (url: string) => queryOnce<{ title: string }>(url, 'select title from books');

it('suites share a server and no data; what is theirs goes with them, and the server with the run', async () => {
  const { folder, keeper, socket, ended } = startKeeper();
  const [one, two] = await Promise.all([joinSharedServer(socket), joinSharedServer(socket)]);
  const [ofOne, ofTwo] = await Promise.all([
    one.createDatabase('library', shelf),
    two.createDatabase('library', shelf),
  ]);
  await queryOnce(ofOne, `update books set title = 'second'`);
  expect([await titles(ofOne), await titles(ofTwo)]).toEqual([[{ title: 'second' }], [{ title: 'first' }]]);
  expect(await titles(await two.createDatabase('other', shelf))).toEqual([{ title: 'first' }]);

  await one.stop();
  while (await titles(ofOne).then(Boolean, () => false)) await pause(10);
  await expect(titles(ofOne)).rejects.toMatchObject({ code: '3D000' });
  expect(await titles(ofTwo)).toEqual([{ title: 'first' }]);

  // Nobody says goodbye when a run is killed.
  keeper.stdin.destroy();
  expect(await ended).toEqual([0, null]);
  await expect(titles(ofTwo)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(existsSync(folder)).toBe(false);
  await two.stop();
});

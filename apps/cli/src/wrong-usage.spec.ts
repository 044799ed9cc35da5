import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CommanderError } from 'commander';
import { exitCodeOf } from './exit-code.ts';
import { explainError } from './output/explain-error.ts';
import { createProgram } from './program.ts';

const ID = '019a0000-0000-7000-8000-000000000001';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-usage-'));
  process.env['LONGSHORE_HOME'] = join(folder, 'home');
  process.env['LONGSHORE_API_KEY'] = process.env['LONGSHORE_ADMIN_API_KEY'] = 'lsk_adm_0123456789abcdef';
});

afterEach(() => {
  for (const name of ['LONGSHORE_HOME', 'LONGSHORE_API_KEY', 'LONGSHORE_ADMIN_API_KEY'])
    Reflect.deleteProperty(process.env, name);
  rmSync(folder, { recursive: true });
  jest.restoreAllMocks();
});

/** Runs a command line of which nothing may be sent. */
async function run(words: readonly string[]) {
  const sent = jest.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('nobody is to be asked'));
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const written = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told.push(String(text));
    return true;
  });
  const program = createProgram({ out: () => undefined, err: tell, status: () => undefined });
  try {
    await program.parseAsync(words, { from: 'user' });
    return { code: 0, said: told.join('') };
  } catch (error) {
    if (!(error instanceof CommanderError)) tell(explainError(error));
    expect(sent).not.toHaveBeenCalled();
    return { code: exitCodeOf(error), said: told.join('') };
  } finally {
    written.mockRestore();
  }
}

describe('a wrong command line has the exit code 2, sends nothing and says what is wrong', () => {
  it.each([
    ['worker general -c 0', '--concurrency is out of range'],
    ['worker general -l loud', '--log-level is not a level'],
    ['worker general -p 99999', '--port is out of range'],
    ['worker general --count 21', '--count is out of range'],
    ['worker general --autoscale x', '--autoscale is not of the form'],
    ['apply -f nofile', 'no file nofile'],
    ['extract x.pdf -w nofile', 'no file nofile'],
    ['restore nofile', 'no file'],
    ['demo --samples nofolder', 'no folder'],
    ['tasks show xyz', 'An id looks like'],
    ['tasks cancel xyz', 'An id looks like'],
    ['tasks replay xyz', 'An id looks like'],
    ['cancel xyz', 'An id looks like'],
    ['replay xyz', 'An id looks like'],
    ['runs cancel xyz', 'An id looks like'],
    ['delete execution xyz', 'An id looks like'],
    ['keys revoke xyz', 'An id looks like'],
    [`logs ${ID} --run xyz`, 'An id looks like'],
    [`logs ${ID} --level loud`, 'Allowed choices'],
    ['tasks list --limit x', 'from 1 to 1000'],
    ['tasks submit a {} --priority 101', 'from -100 to 100'],
    ['keys create a --kind admin --expires-in-days x', 'from 1 to 3650'],
    ['keys create a --kind admin --expires-at never', '2027-01-31T00:00:00Z'],
    ['failures --limit 0', 'from 1 to 1000'],
    ['replay --all --per-minute 0', 'from 1 to 6000'],
    ['help nope', "unknown command 'nope'"],
    ['keys help nope', "unknown command 'nope'"],
    ['nope', "unknown command 'nope'"],
    ['keys nope', "unknown command 'nope'"],
    ['tasks nope', "unknown command 'nope'"],
    ['schedules nope', "unknown command 'nope'"],
    ['delete nope', "unknown command 'nope'"],
    ['delete', 'say what to delete: "longshore delete execution" or'],
    ['delete --json', 'say what to delete: "longshore delete execution" or'],
  ])('%s', async (line, said) => {
    const told = await run(line.split(' '));
    expect(told).toMatchObject({ code: 2, said: expect.stringContaining(said) });
  });
});

describe('a group without a command', () => {
  it.each([
    ...['tasks', 'keys', 'pipelines', 'schedules', 'credentials', 'webhooks', 'executions', 'organisations'],
  ])('%s lists what there is', async (group) => {
    const asked = jest.spyOn(globalThis, 'fetch');
    for (const words of [[group], [group, '--json']]) {
      asked.mockRejectedValueOnce(new Error('away'));
      const program = createProgram({ out: () => undefined, err: () => undefined, status: () => undefined });
      await expect(program.parseAsync(words, { from: 'user' })).rejects.toThrow('No Longshore answers');
    }
    expect(asked).toHaveBeenCalledTimes(2);
  });
});

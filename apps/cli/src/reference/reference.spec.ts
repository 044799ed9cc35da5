import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createProgram } from '../program.ts';
import { commandPage, helpOf } from './command-page.ts';
import { commandTree, withDescendants } from './command-tree.ts';
import { completionScript, SHELLS } from './completion.ts';

const nowhere = { out: () => undefined, err: () => undefined, status: () => undefined };
const nodes = withDescendants(commandTree(createProgram(nowhere)));

describe('every command', () => {
  it.each(nodes.map((node) => [`longshore ${node.path}`.trim(), node] as const))(
    '%s shows examples of itself',
    (name, { command }) => {
      const [, examples] = helpOf(command).split('\nExamples:\n');
      expect(examples).toBeDefined();
      const own = examples!.split('\n').filter((line) => line.includes(name));
      expect(own.length).toBeGreaterThan(0);
    },
  );

  it('describes each of its arguments and options', () => {
    const silent = nodes.flatMap(({ path, command, options }) => [
      ...options.filter(({ description }) => description === '').map(({ flags }) => `${path} ${flags}`),
      ...command.registeredArguments
        .filter(({ description }) => description === '')
        .map((one) => `${path} ${one.name()}`),
    ]);
    expect(silent.filter((one) => !KNOWN_WITHOUT.includes(one))).toEqual([]);
  });
});

/** Commands whose answer cannot be JSON, and why. */
const WITHOUT_JSON: Readonly<Record<string, string>> = {
  completion: 'it prints a script for a shell',
};

describe('--json', () => {
  const answering = nodes.filter(({ subcommands }) => subcommands.length === 0);
  const without = answering.filter(({ options }) => !options.some(({ long }) => long === '--json'));

  it('is an option of every command that answers something, but of those that are named here', () => {
    expect(without.map(({ path }) => path)).toEqual(Object.keys(WITHOUT_JSON));
    expect(answering.length).toBeGreaterThan(60);
  });
});

/** What the name says. */
const KNOWN_WITHOUT = ['keys create name', 'keys rotate id', 'keys revoke id'];

it('docs/cli.md is what the commands say; node apps/cli/src/reference/write-docs.ts writes it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/cli.md'), 'utf8');
  expect(page).toBe(commandPage(createProgram(nowhere)));
});

/** What bash offers behind these words. */
function offered(...words: string[]): string[] {
  const script = `${completionScript(createProgram(nowhere), 'bash')}
    COMP_WORDS=(longshore "$@"); COMP_CWORD=$#; _longshore; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

describe('completion', () => {
  it('offers commands, and commands below commands', () => {
    expect(offered('exe')).toEqual(['executions']);
    expect(offered('keys', '').slice(0, 4)).toEqual(['create', 'list', 'rotate', 'revoke']);
    expect(offered('delete', '')).toEqual(['execution', 'organisation', '-h', '--help']);
    expect(offered('keys', 'create', 'portal', '--ki')).toEqual(['--kind']);
  });

  it('offers values where there are few, and nothing of its own where a file is meant', () => {
    expect(offered('executions', 'list', '--status', 'ST')).toEqual(['STOPPED']);
    expect(offered('result', 'some-id', '-o', '')).toEqual(['']);
  });

  it('offers what an argument can be where these are a few values, each time it can be given', () => {
    expect(offered('completion', '')).toEqual(expect.arrayContaining([...SHELLS]));
    expect(offered('worker', 'gen')).toEqual(['general']);
    expect(offered('worker', 'general', 'al')).toEqual(['all']);
    expect(offered('tasks', 'list', '--status', 'fa')).toEqual(['failed']);
  });

  it.each([
    ['zsh', /'worker'\)\n +found=\([^\n]*'general:/],
    ['fish', /"worker"' -a general -d /],
  ] as const)('offers what an argument can be in %s too', (shell, line) => {
    expect(completionScript(createProgram(nowhere), shell)).toMatch(line);
  });

  it('offers the options of the command that is meant when none is named', () => {
    expect(offered('executions', '--stat')).toEqual(['--status']);
  });

  it.each(SHELLS)('names every command in %s', (shell) => {
    const script = completionScript(createProgram(nowhere), shell);
    for (const { path } of nodes.filter(({ path }) => path !== '')) expect(script).toContain(path);
  });

  it('is a script that bash can read', () => {
    const script = completionScript(createProgram(nowhere), 'bash');
    expect(() => execFileSync('bash', ['-n', '-c', script])).not.toThrow();
  });
});

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { findingLines } from './finding-lines.ts';
import { painted, paintedError } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { table } from './table.ts';
import { createTerminal } from './terminal.ts';

const RED = '\u001B[31m';
const GREEN = '\u001B[32m';
const OFF = '\u001B[39m';
const ID = '019a0000-0000-7000-8000-000000000000';

describe('colours', () => {
  it('are put round a text only where they are seen', () => {
    expect(painted('failed', 'bad', { colours: true })).toBe(`${RED}failed${OFF}`);
    expect(painted('failed', 'bad', {})).toBe('failed');
    expect(painted('queued', undefined, { colours: true })).toBe('queued');
  });

  it('make the first line of an error stand out', () => {
    expect(paintedError('It failed:\nno database', { colours: true })).toBe(
      `${RED}It failed:${OFF}\nno database`,
    );
  });

  it.each([
    ['succeeded', 'good'],
    ['COMPLETED', 'good'],
    ['dead (test)', 'bad'],
    ['ERROR', 'bad'],
    ['NO', 'bad'],
    ['EXECUTING', 'busy'],
    ['queued', undefined],
    ['', undefined],
    ['notable', undefined],
  ])('of the state "%s" say that it is %s', (state, meaning) => {
    expect(stateMeaning(state)).toBe(meaning);
  });

  it('mark what the doctor found', () => {
    const [line] = findingLines([{ state: 'ok', check: 'disk', found: 'has room' }], { colours: true });
    expect(line).toBe(`${GREEN}ok${OFF} disk  has room`);
  });
});

describe('a table', () => {
  const headings = ['NAME', 'STATE', 'REMARK', 'ID'];
  const rows = [
    ['failed', 'failed', 'failed', ID],
    ['b', 'queued', 'a remark that is longer than there is room for', ID],
  ];

  it('colours states alone, and is as wide as without colours', () => {
    const plain = table(headings, rows, { columns: 72 });
    const coloured = table(headings, rows, { columns: 72, colours: true });
    expect(coloured[2]).toBe(`failed  ${RED}failed${OFF}  failed${' '.repeat(12)}  ${ID}`);
    expect(coloured.map(stripVTControlCharacters)).toEqual(plain);
    expect(plain.every((line) => line.length <= 72)).toBe(true);
  });

  it('leaves out what can be done without before it shortens the rest beyond reading', () => {
    const lines = table(headings, rows, { columns: 56, dispensable: ['REMARK', 'STATE'] });
    expect(lines[0]).toMatch(/^NAME +STATE +ID$/);
    expect(lines[2]).toContain(ID);
  });

  it('shortens to nearly nothing before it is wider than the terminal', () => {
    const narrow = rows.map(([name, , remark, id]) => [name!, remark!, remark!, id!]);
    const lines = table(['NAME', 'REMARK', 'MORE', 'ID'], narrow, { columns: 58 });
    expect(lines[3]).toBe(`b       a re…  a re…  ${ID}`);
    expect(lines.every((line) => line.length <= 58)).toBe(true);
  });
});

/** Colours are asked of Node, which reads the environment of its process: each case has a process of its own. */
function coloursWith(isTTY: boolean, env: NodeJS.ProcessEnv): unknown {
  const program = `
    import { Writable } from 'node:stream';
    import { WriteStream } from 'node:tty';
    import { createTerminal } from ${JSON.stringify(join(import.meta.dirname, 'terminal.ts'))};
    const screen = Object.assign(new Writable(), { isTTY: ${isTTY}, getColorDepth: WriteStream.prototype.getColorDepth });
    console.log(JSON.stringify(createTerminal(screen, new Writable())));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    ...{ encoding: 'utf8', env: { TERM: 'xterm-256color', ...env } },
  });
  return (JSON.parse(said) as { colours: unknown }).colours;
}

describe('the terminal', () => {
  it.each([
    ['a terminal', true, {}, true],
    ['no terminal', false, {}, false],
    ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a terminal that knows none', true, { TERM: 'dumb' }, false],
    ['no terminal with FORCE_COLOR', false, { FORCE_COLOR: '1' }, true],
    ['a terminal with FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false],
  ])('has colours as it is wanted: %s', (_where, isTTY, env, wanted) => {
    expect(coloursWith(isTTY, env)).toBe(wanted);
  });

  it('that does not know how wide it is shortens nothing', () => {
    const sink = (columns: number) => ({ isTTY: true, columns, write: () => undefined });
    expect(createTerminal(sink(0)).columns).toBeUndefined();
    expect(createTerminal(sink(100)).columns).toBe(100);
  });
});

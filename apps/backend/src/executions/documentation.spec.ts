import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { errorCodes } from '@longshore/contracts';
import { variables } from '@longshore/runtime';
import { parseExecutionFields } from './request-fields.ts';

const page = readFileSync(new URL('../../../../docs/deployment-api.md', import.meta.url), 'utf8');
const rows = (heading: string) =>
  page
    .split(`## ${heading}`)[1]!
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => /^\| /.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));

it('every code that docs/deployment-api.md names exists, with that status', () => {
  const named = rows('What is refused').filter(([, status]) => /^\d{3}$/.test(status!));
  expect(named.length).toBeGreaterThan(10);
  for (const [, status, code] of named) {
    expect([code, errorCodes[code as keyof typeof errorCodes]]).toStrictEqual([code, Number(status)]);
  }
});

it('every field that docs/deployment-api.md names is checked, and no other is known', () => {
  const named = rows('Sending: `POST')
    .map(([, field]) => field!)
    .filter((field) => /^[a-z_]+$/.test(field) && field !== 'field');
  const isChecked = (field: string) => {
    try {
      parseExecutionFields({ [field]: '\u0001' });
      return false;
    } catch {
      return true;
    }
  };
  const fromFiles = ['files', 'presigned_urls'];
  expect(named).toEqual(expect.arrayContaining(fromFiles));
  expect(named.filter((field) => !fromFiles.includes(field) && !isChecked(field))).toStrictEqual([]);
  expect(Object.keys(parseExecutionFields({})).length + 2).toBe(named.length - fromFiles.length);
});

it('every variable that docs/deployment-api.md names exists', () => {
  const known = new Set(Object.values(variables).map(({ env }) => env));
  const named = page.match(/`[A-Z]+_[A-Z_]+`/g)!.map((name) => name.slice(1, -1));
  expect(named.filter((name) => !known.has(name as never))).toStrictEqual([]);
});

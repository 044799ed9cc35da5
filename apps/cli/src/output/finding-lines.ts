import type { Finding } from '../doctor/finding.ts';
import { type Look, painted } from './look.ts';

const MARKS = { ok: 'ok', note: '! ', wrong: '✗ ' } as const;
const MEANINGS = { ok: 'good', note: 'waits', wrong: 'bad' } as const;

/** What was found, one line each, with how to mend it below. */
export function findingLines(findings: readonly Finding[], look: Look = {}): string[] {
  const widest = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ state, check, found, mend }) => [
    `${painted(MARKS[state], MEANINGS[state], look)} ${check.padEnd(widest)}  ${found}`,
    ...(mend === undefined ? [] : [`${' '.repeat(widest + 5)}${mend}`]),
  ]);
  return [...lines, ''];
}

/** The findings in one sentence. */
export function verdict(findings: readonly Finding[]): string {
  const wrong = findings.filter(({ state }) => state === 'wrong').length;
  if (wrong > 0) return `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`;
  const notes = findings.filter(({ state }) => state === 'note').length;
  return notes === 0 ? 'Nothing is wrong.' : 'Nothing is wrong; what is marked with ! deserves a look.';
}

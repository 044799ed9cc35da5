import type { Finding } from '../doctor/finding.ts';

const MARKS = { ok: 'ok', note: '! ', wrong: '✗ ' } as const;

/** What was found, one line each, with how to mend it below. */
export function findingLines(findings: readonly Finding[]): string[] {
  const widest = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ state, check, found, mend }) => [
    `${MARKS[state]} ${check.padEnd(widest)}  ${found}`,
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

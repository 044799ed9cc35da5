import { describe, expect, it } from '@jest/globals';
import type { LogLine } from './log-lines.ts';
import { boundedLog } from './bounded-log.ts';

function setup() {
  const lines: LogLine[] = [];
  return { lines, log: boundedLog((line) => void lines.push(line)) };
}

describe('the log of a run', () => {
  it('failure mode 20: a line of a run shows no secret, in its message or in its fields', () => {
    const { lines, log } = setup();
    const secret = 'lsk_9f3a51c2d4e5f60718293a4b5c6d7e8f';
    log.error(`asked with Authorization: Bearer ${secret}`, {
      password: secret,
      at: { url: `https://u:${secret}@h/` },
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'error', fields: { at: {} } });
    expect(JSON.stringify(lines)).not.toContain(secret);
  });

  it('failure mode 20: takes anything, and never throws', () => {
    const { lines, log } = setup();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const anything: unknown[] = [undefined, null, Symbol('s'), 1n, circle, () => 1, Object.create(null), NaN];
    for (const each of anything) log.info(each as string, each as Record<string, unknown>);
    expect(lines).toHaveLength(anything.length);
    expect(() => JSON.stringify(lines)).not.toThrow();
  });
});

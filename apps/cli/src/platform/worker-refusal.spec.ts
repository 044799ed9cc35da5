import { describe, expect, it } from '@jest/globals';
import { type SupervisorEvent, thisProcess } from '@longshore/runtime';
import { refusalHost } from './worker-refusal.ts';

const exited = (code: number): SupervisorEvent => ({
  ...{ type: 'exited', name: 'general', expected: false },
  exit: { name: 'general', code, signal: null, lastLines: ['This key may not serve the queues llm.'] },
});

function hear(code: number) {
  const codes: number[] = [];
  const failures: unknown[] = [];
  const here = { ...thisProcess(), end: (code: number) => void codes.push(code) };
  const { host, endsWhenRefused } = refusalHost(here);
  endsWhenRefused((error) => failures.push(error))(exited(code));
  host.end(1);
  return { codes, failures };
}

describe('"longshore worker"', () => {
  it('ends with 4 when the key of a worker does not cover it', () => {
    const { codes, failures } = hear(78);
    expect(codes).toEqual([4]);
    expect(String(failures)).toContain('general was refused: This key may not serve the queues llm.');
  });

  it('goes on when a worker died of something else', () => {
    expect(hear(1)).toEqual({ codes: [1], failures: [] });
  });
});

import { describe, expect, it } from '@jest/globals';
import { type SupervisorEvent, thisProcess } from '@longshore/runtime';
import { refusalHost } from './worker-refusal.ts';

const exited = (line: string): SupervisorEvent => ({
  ...{ type: 'exited', name: 'general', expected: false },
  exit: { name: 'general', code: 1, signal: null, lastLines: [line] },
});

function hear(line: string) {
  const codes: number[] = [];
  const failures: unknown[] = [];
  const here = { ...thisProcess(), end: (code: number) => void codes.push(code) };
  const { host, endsWhenRefused } = refusalHost(here);
  endsWhenRefused((error) => failures.push(error))(exited(line));
  host.end(1);
  return { codes, failures };
}

describe('"longshore worker"', () => {
  it('ends with 4 when the key of a worker does not cover it', () => {
    const { codes, failures } = hear('This key may not serve the queues llm. Asking again does not help.');
    expect(codes).toEqual([4]);
    expect(String(failures)).toContain('general was refused: This key may not serve the queues llm.');
  });

  it('goes on when a worker died of something else', () => {
    expect(hear('out of memory')).toEqual({ codes: [1], failures: [] });
  });
});

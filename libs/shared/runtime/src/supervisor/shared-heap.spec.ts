import { expect, it } from '@jest/globals';
import { sharedHeap } from './shared-heap.ts';

it('gives each of several processes its part of a percentage of the memory', () => {
  const of = (options: string, among: number) => sharedHeap({ NODE_OPTIONS: options, A: 'b' }, among);
  expect(of('--max-old-space-size-percentage=75 --enable-source-maps', 3)).toEqual({
    NODE_OPTIONS: '--max-old-space-size-percentage=25 --enable-source-maps',
    A: 'b',
  });
  expect(of('--max-old-space-size-percentage=75', 1)['NODE_OPTIONS']).toContain('=75');
  expect(of('--max-old-space-size=512', 4)['NODE_OPTIONS']).toBe('--max-old-space-size=512');
  expect(sharedHeap({ A: 'b' }, 4)).toEqual({ A: 'b' });
});

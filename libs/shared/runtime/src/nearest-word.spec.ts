import { describe, expect, it } from '@jest/globals';
import { nearestWord } from './nearest-word.ts';

describe('the nearest word', () => {
  it.each([
    ['resiz', ['thumbnail', 'resize'], 'resize'],
    ['Resize', ['resized', 'resize'], 'resize'],
    ['maxAttemps', ['maxAttempts'], 'maxAttempts'],
    ['mail', ['thumbnail'], undefined],
    ['mail', [], undefined],
  ])('to %s of %j is %s', (word, known, nearest) => {
    expect(nearestWord(word, known)).toBe(nearest);
  });
});

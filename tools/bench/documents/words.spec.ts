import { describe, expect, it } from '@jest/globals';
import { createWords, recall } from './words.ts';

describe('word recall', () => {
  it('counts a word as often as it was found', () => {
    expect(recall('berth berth crane tide', 'tide berth')).toBe(0.5);
    expect(recall('berth', 'berth berth and more')).toBe(1);
    expect(recall('berth 12', '')).toBe(0);
  });

  it('takes ligatures for their letters, and leaves out what stands between words', () => {
    expect(recall('the o\uFB03ce, Quay 7', '"Quay"\toffice\n7 (the)')).toBe(1);
  });
});

it('the words of a file are the same every time', () => {
  expect(createWords(7).line(60)).toBe(createWords(7).line(60));
  expect(createWords(7).line(60)).not.toBe(createWords(8).line(60));
});

import { describe, expect, it } from '@jest/globals';
import { createPartCounter } from './form-parts.ts';

const FORM = 'preamble\r\n--X\r\nA: b\r\n\r\none\r\n--X\r\n\r\n\r\n--X\r\n\r\n--Xy\r\n --X\r\n--X--\r\n';

function counted(body: string, size: number, type = 'multipart/form-data; boundary=X'): number {
  const counter = createPartCounter(type);
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += size) counter.see(bytes.subarray(at, at + size));
  return counter.count;
}

describe('the parts of a form', () => {
  it.each([1, 2, 3, 5, 7, 1000])('are counted however the body is cut into pieces: %s', (size) => {
    expect(counted(FORM, size)).toBe(3);
    expect(counted(FORM.slice('preamble\r\n'.length), size)).toBe(3);
  });

  it('that stand right behind each other are all counted', () => {
    expect(counted('--X\r\n--X\r\n--X\r\n', 4)).toBe(3);
  });

  it('are found by a quoted boundary too, and none without one', () => {
    expect(counted(FORM, 9, 'multipart/form-data; charset=utf-8; Boundary="X"')).toBe(3);
    expect(counted(FORM, 9, 'multipart/form-data')).toBe(0);
  });
});

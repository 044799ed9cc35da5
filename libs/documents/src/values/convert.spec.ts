import { describe, expect, it } from '@jest/globals';
import { cleanJson } from './clean.ts';
import { convert } from './convert.ts';

describe('a value', () => {
  it.each(['yes', 'Y', 'TRUE', '1', 'on', 'x', '☑', 'ja', true, 1])('%s is true', (found) => {
    expect(convert(found, { type: 'boolean' })).toEqual({ value: true });
  });

  it.each(['no', 'N', 'False', '0', 'off', '☐', 'nein', false, 0])('%s is false', (found) => {
    expect(convert(found, { type: 'boolean' })).toEqual({ value: false });
  });

  it('that does not convert says so with what was found, shortened', () => {
    expect(convert('perhaps', { type: 'boolean' })).toEqual({ complaint: '"perhaps" is neither yes nor no' });
    expect(convert('abc', { type: 'number' })).toEqual({ complaint: '"abc" is not a number' });
    expect(convert({ a: 1 }, { type: 'string' })).toEqual({
      complaint: expect.stringContaining('an object'),
    });
    const long = convert('9'.repeat(5000), { type: 'number' });
    expect('complaint' in long && long.complaint.length).toBeLessThan(120);
  });

  it('of JSON keeps its type', () => {
    expect(convert(12.5, { type: 'number' })).toEqual({ value: 12.5 });
    expect(convert(12.5, { type: 'string' })).toEqual({ value: '12.5' });
    expect(convert(JSON.parse('1e999'), { type: 'number' })).toHaveProperty('complaint');
  });

  it('loses NUL and lone surrogates', () => {
    expect(convert('a\0b\ud800', { type: 'string' })).toEqual({ value: 'ab\ufffd' });
  });
});

describe('JSON that is handed on', () => {
  it('is cleaned at every depth, and a key such as __proto__ stays a key', () => {
    const value = JSON.parse('{"a\\u0000":["\\ud800",1e999],"__proto__":{"x":1}}') as unknown;
    const clean = cleanJson(value);
    expect(JSON.stringify(clean)).toBe('{"a":["\ufffd",null],"__proto__":{"x":1}}');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('is refused when it is nested without end', () => {
    const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as unknown;
    expect(() => cleanJson(deep)).toThrow(RangeError);
  });
});

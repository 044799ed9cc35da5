import { describe, expect, it } from '@jest/globals';
import { uuidV7 } from '@longshore/runtime';
import { jsonById } from './json-by-id.ts';

describe('a JSON object by id', () => {
  it('is what an object of the same names and values would be', () => {
    const entries = [1, 'a "quoted" \u0001 text', null, { nested: ['ü', { inline: {} }] }].map(
      (value) => [uuidV7(), value] as const,
    );
    expect(JSON.parse(jsonById(entries))).toEqual(Object.fromEntries(entries));
    expect(jsonById([])).toBe('{}');
  });
});

import { describe, expect, it } from '@jest/globals';
import { compileParameters } from './parameters.ts';

const object = (properties: object, more: object = {}) =>
  compileParameters({ type: 'object', properties, ...more });

describe('parameters held against an input schema', () => {
  it('are told each place that does not fit, also names with dots and slashes in them', () => {
    const check = object(
      { 'a/b': { type: 'string' }, list: { type: 'array', items: { type: 'integer' } } },
      { required: ['x'] },
    );
    expect(
      check({ 'a/b': 1, list: [1, 'two'] })
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(['parameters.a/b', 'parameters.list.1', 'parameters.x']);
  });

  it('that are large are told their first problem alone, in little time', () => {
    const check = object({ list: { type: 'array', items: { type: 'integer' } } });
    const list = Array.from({ length: 500_000 }, () => 'x');
    expect(check({ list })).toEqual([{ path: 'parameters.list.0', message: 'must be integer' }]);
  });

  it('may bring names that every object has', () => {
    expect(object({ constructor: { type: 'string' } })({})).toEqual([]);
    expect(compileParameters({})(JSON.parse('{"__proto__": {"a": 1}}'))).toEqual([]);
  });

  it('are held against patterns that only hold without the flag for Unicode', () => {
    expect(object({ a: { type: 'string', pattern: '^[\\w-.]+$' } })({ a: 'x-.y' })).toEqual([]);
  });

  it('cannot be checked with what is no schema', () => {
    expect(() => compileParameters({ type: 'nonsense' })).toThrow();
  });
});

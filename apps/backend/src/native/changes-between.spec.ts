import { describe, expect, it } from '@jest/globals';
import { changesBetween } from './changes-between.ts';

describe('the changes between two values', () => {
  it('are none between equals, whatever the order of keys', () => {
    expect(changesBetween({ a: [1, { b: null }], c: 'x' }, { c: 'x', a: [1, { b: null }] })).toStrictEqual(
      [],
    );
  });

  it('name what was added, removed and changed, with the way to it', () => {
    const older = { steps: [{ read: {} }, { extract: { 'a/b': 1, gone: true } }] };
    const newer = { steps: [{ read: { max_pages: 3 } }, { extract: { 'a/b': 2 } }, 'third'] };
    expect(changesBetween(older, newer)).toStrictEqual([
      { change: 'added', path: '/steps/0/read/max_pages', to: 3 },
      { change: 'changed', path: '/steps/1/extract/a~1b', from: 1, to: 2 },
      { change: 'removed', path: '/steps/1/extract/gone', from: true },
      { change: 'added', path: '/steps/2', to: 'third' },
    ]);
  });

  it('take a list, an object and a plain value for different things', () => {
    expect(changesBetween({ a: [] }, { a: {} })).toStrictEqual([
      { change: 'changed', path: '/a', from: [], to: {} },
    ]);
    expect(changesBetween(null, [1])).toStrictEqual([{ change: 'changed', path: '', from: null, to: [1] }]);
  });

  it('do not mistake inherited names for keys', () => {
    expect(changesBetween({}, { constructor: 1 })).toStrictEqual([
      { change: 'added', path: '/constructor', to: 1 },
    ]);
  });
});

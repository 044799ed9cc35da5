import { describe, expect, it } from '@jest/globals';
import { pathGlob } from './path-glob.ts';

describe('a glob of paths', () => {
  it.each([
    ['**/*', ['a', 'a/b', 'a/b/c.pdf'], []],
    ['**/*.pdf', ['a.pdf', 'x/y/A.PDF'], ['a.pdfx', 'a.pdf/b', 'apdf']],
    ['*.{pdf,txt}', ['a.pdf', '.txt'], ['a/b.pdf', 'a.doc', 'a.{pdf,txt}']],
    ['in/**', ['in/a', 'in/a/b'], ['in', 'out/a']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'ab', 'a/b/c']],
    ['a**b', ['ab', 'axxb'], ['a/b']],
    ['{**/a,b}.txt', ['a.txt', 'x/y/a.txt', 'b.txt'], ['x/b.txt']],
    ['scan?.tif', ['scan1.tif', 'scanä.tif', 'scan😀.tif'], ['scan.tif', 'scan12.tif', 'scan/.tif']],
    ['[a-c1]x', ['ax', 'Cx', '1x'], ['dx', '-x', '/x']],
    ['[!a-c]x', ['dx'], ['ax', '/x']],
    ['[-]', ['-'], ['a']],
    ['(draft) +(a|b)@(c).pdf', ['(draft) +(a|b)@(c).pdf'], ['(draft) a@c.pdf', '(draft) ac.pdf']],
    ['{a,}b', ['ab', 'b'], ['a', 'aab']],
    ['[x', ['[x'], ['x']],
    ['{x', ['{x'], ['x']],
  ])('%s', (glob, fitting, others) => {
    const fits = pathGlob(glob);
    expect([...fitting, ...others].filter(fits)).toEqual(fitting);
  });

  it.each([
    '{a,b}'.repeat(40),
    '+(a|aa|aaa)'.repeat(18),
    '*a'.repeat(99) + 'b',
    '**/'.repeat(60) + 'b',
    '{1..99999999}',
    '{*a,*a*}'.repeat(24) + 'b',
  ])('that is meant to keep us busy does not: %s', (glob) => {
    const begun = performance.now();
    expect(pathGlob(glob)('a'.repeat(500))).toBe(false);
    expect(pathGlob(glob)('a/'.repeat(500))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});

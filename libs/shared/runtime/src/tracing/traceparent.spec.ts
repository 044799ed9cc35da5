import { describe, expect, it } from '@jest/globals';
import { readTraceparent, writeTraceparent } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${PARENT}-01`;

describe('a traceparent', () => {
  it.each([
    [SAMPLED, true],
    [`00-${TRACE}-${PARENT}-00`, false],
    [`cc-${TRACE}-${PARENT}-03-what-comes-later`, true],
  ])('is read from %s', (text, isSampled) => {
    expect(readTraceparent(text)).toEqual({ traceId: TRACE, spanId: PARENT, isSampled });
  });

  it.each([
    [''],
    [`ff-${TRACE}-${PARENT}-01`],
    [`00-${'0'.repeat(32)}-${PARENT}-01`],
    [`00-${TRACE}-${'0'.repeat(16)}-01`],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`],
    [`00-${TRACE}-${PARENT}-01-more`],
    [`00-${TRACE}-${PARENT}`],
  ])('is none: %j', (text) => {
    expect(readTraceparent(text)).toBeUndefined();
  });

  it('is written as it was read', () => {
    expect(writeTraceparent(readTraceparent(SAMPLED)!)).toBe(SAMPLED);
  });
});

import { describe, expect, it } from '@jest/globals';
import { uuidV7 } from './uuid-v7.ts';

const at = (ms: number) => ({ now: () => ms });

describe('uuidV7', () => {
  it('puts the time first, then version, variant and randomness', () => {
    const random = (size: number): Uint8Array => new Uint8Array(size).fill(0xff);
    expect(uuidV7({ clock: at(0x0123456789ab), random })).toBe('01234567-89ab-7fff-bfff-ffffffffffff');
    const zeros = (size: number): Uint8Array => new Uint8Array(size);
    expect(uuidV7({ clock: at(0.9), random: zeros })).toBe('00000000-0000-7000-8000-000000000000');
  });

  it('sorts by time', () => {
    const ids = [1, 2, 255, 256, 1e12, 1.8e12].map((ms) => uuidV7({ clock: at(ms) }));
    expect(ids.toSorted()).toEqual(ids);
  });

  it('is never the same twice', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => uuidV7())).size).toBe(10_000);
    expect(uuidV7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

import { randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';

const TIMESTAMP_BYTES = 6;
const RANDOM_BYTES = 10;

/**
 * A UUID of version 7 (RFC 9562): 48 bits of wall-clock milliseconds, then 74 random bits, so that ids sort by
 * their millisecond and new rows land at the end of an index. Ids of one millisecond are in no order.
 */
export function uuidV7(
  source: { clock?: Pick<Clock, 'now'>; random?: (size: number) => Uint8Array } = {},
): string {
  const { clock = systemClock, random = pooledRandom } = source;
  const bytes = Buffer.alloc(TIMESTAMP_BYTES + RANDOM_BYTES);
  bytes.writeUIntBE(Math.trunc(clock.now()), 0, TIMESTAMP_BYTES);
  bytes.set(random(RANDOM_BYTES), TIMESTAMP_BYTES);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const POOL_BYTES = 4096;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** Random bytes drawn many at a time: one call for each id costs more than the id. No byte is given out twice. */
function pooledRandom(size: number): Uint8Array {
  if (used + size > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += size;
  return pool.subarray(used - size, used);
}

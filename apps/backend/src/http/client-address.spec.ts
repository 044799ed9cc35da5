import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { clientAddress, networkOf } from './client-address.ts';

const from = (ip: string | undefined, remoteAddress: string | undefined = '192.0.2.1') =>
  clientAddress({ ip, socket: { remoteAddress } } as unknown as Request);

describe('the address of a client', () => {
  it('is an address, whatever a header says', () => {
    expect(from('198.51.100.7')).toBe('198.51.100.7');
    expect(from('2001:db8::1')).toBe('2001:db8::1');
    for (const said of ['<script>', '198.51.100.7:443', '', undefined]) expect(from(said)).toBe('192.0.2.1');
  });

  it('is the same in both spellings of IPv4', () => {
    expect(from('::ffff:198.51.100.7')).toBe('198.51.100.7');
    expect(from(undefined, '::ffff:192.0.2.9')).toBe('192.0.2.9');
  });
});

describe('the network of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s belongs to %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

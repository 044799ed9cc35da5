import { describe, expect, it } from '@jest/globals';
import { addressClass, type AddressClass } from './address-class.ts';

/** The first and the last address of each block, and its neighbours outside of it. */
const blocks: readonly [string, AddressClass, inside: readonly string[], outside: readonly string[]][] = [
  ['this network', 'forbidden', ['0.0.0.0', '0.0.0.1', '0.255.255.255'], ['1.0.0.0']],
  ['private 10/8', 'internal', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
  ['carrier-grade NAT', 'internal', ['100.64.0.0', '100.127.255.255'], ['100.63.255.255', '100.128.0.0']],
  ['loopback', 'internal', ['127.0.0.0', '127.0.0.1', '127.255.255.255'], ['126.255.255.255', '128.0.0.0']],
  [
    'link-local',
    'forbidden',
    ['169.254.0.0', '169.254.169.254', '169.254.255.255'],
    ['169.253.255.255', '169.255.0.0'],
  ],
  ['private 172.16/12', 'internal', ['172.16.0.0', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
  ['protocols', 'forbidden', ['192.0.0.0', '192.0.0.192', '192.0.0.255'], ['191.255.255.255', '192.0.1.0']],
  ['documentation 1', 'forbidden', ['192.0.2.0', '192.0.2.255'], ['192.0.1.255', '192.0.3.0']],
  ['6to4 relays', 'forbidden', ['192.88.99.0', '192.88.99.255'], ['192.88.98.255', '192.88.100.0']],
  ['private 192.168/16', 'internal', ['192.168.0.0', '192.168.255.255'], ['192.167.255.255', '192.169.0.0']],
  ['benchmarks', 'internal', ['198.18.0.0', '198.19.255.255'], ['198.17.255.255', '198.20.0.0']],
  ['documentation 2', 'forbidden', ['198.51.100.0', '198.51.100.255'], ['198.51.99.255', '198.51.101.0']],
  ['documentation 3', 'forbidden', ['203.0.113.0', '203.0.113.255'], ['203.0.112.255', '203.0.114.0']],
  ['multicast', 'forbidden', ['224.0.0.0', '239.255.255.255'], ['223.255.255.255']],
  ['reserved and broadcast', 'forbidden', ['240.0.0.0', '255.255.255.255'], []],
  ['metadata of Alibaba', 'forbidden', ['100.100.100.200'], []],
  ['the host below Azure', 'forbidden', ['168.63.129.16'], ['168.63.129.15', '168.63.129.17']],
  ['unique local', 'internal', ['fc00::', 'fd00::1', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], ['2600::']],
  ['metadata in unique local', 'forbidden', ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'], []],
  ['Teredo and its kind', 'forbidden', ['2001::', '2001:0:4136:e378:8000:63bf:3fff:fdd2'], ['2001:200::1']],
  ['documentation of IPv6', 'forbidden', ['2001:db8::1', '3fff::1'], ['2001:db7::1', '2001:db9::1']],
  ['6to4', 'forbidden', ['2002::', '2002:7f00:1::1', '2002:0808:0808::1'], ['2003::1']],
];

describe('the class of an address', () => {
  it.each(blocks)('%s is %s, to its first and last address', (_what, expected, inside, outside) => {
    expect(inside.map((address) => [address, addressClass(address)])).toStrictEqual(
      inside.map((address) => [address, expected]),
    );
    expect(outside.map((address) => [address, addressClass(address)])).toStrictEqual(
      outside.map((address) => [address, 'public']),
    );
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.215.14',
    '2606:4700::1111',
    '2a00:1450:4001:82a::200e',
    '2001:4860:4860::8888',
  ])('%s is public', (address) => expect(addressClass(address)).toBe('public'));

  it.each(['::1', '0:0:0:0:0:0:0:1', '0000:0000:0000:0000:0000:0000:0000:0001'])(
    '%s is internal',
    (address) => expect(addressClass(address)).toBe('internal'),
  );

  /** IPv6 that carries an IPv4 address, whichever it carries and however it is spelled. */
  const carriers = [
    '::ffff:A',
    '::A',
    '::ffff:0:A',
    '64:ff9b::A',
    '64:ff9b:1::A',
    '2600::5efe:A',
    '2600::200:5efe:A',
  ];
  const carried = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '100.64.0.1', '8.8.8.8'];
  const embedded = carriers.flatMap((carrier) =>
    carried.flatMap((v4) => {
      const [a, b, c, d] = v4.split('.').map(Number) as [number, number, number, number];
      const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
      return [carrier.replace('A', v4), carrier.replace('A', hex), carrier.replace('A', hex).toUpperCase()];
    }),
  );
  it.each(embedded)('%s carries another address and is forbidden', (address) =>
    expect(addressClass(address)).toBe('forbidden'),
  );

  it.each([
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '100::1',
    '5f00::1',
    '4000::1',
    '::ffff:0:0',
  ])('%s leads nowhere and is forbidden', (address) => expect(addressClass(address)).toBe('forbidden'));

  it.each([
    '',
    'localhost',
    '127.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '1.2.3',
    '[::1]',
    ' 8.8.8.8',
    '8.8.8.8/32',
  ])('"%s" is no plain address and is forbidden', (text) => expect(addressClass(text)).toBe('forbidden'));

  it('never lets an address of a private network pass as public, wherever in it', () => {
    for (let n = 0; n < 65_536; n += 257) {
      const [high, low] = [n >> 8, n & 255];
      for (const start of ['10.7', '127.0', '169.254', '192.168', '172.20', '100.99', '0.3']) {
        expect(addressClass(`${start}.${high}.${low}`)).not.toBe('public');
        expect(addressClass(`::ffff:${start}.${high}.${low}`)).toBe('forbidden');
      }
    }
  });
});

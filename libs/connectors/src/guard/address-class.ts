import { BlockList, isIP } from 'node:net';

/**
 * Where an address leads. `public`: to the internet. `internal`: to this machine or a network of one's own, which
 * only an operator may allow. `forbidden`: to nothing that ever serves a file (link-local with its metadata
 * services, multicast, documentation, addresses that carry another address in them), allowed by nobody.
 */
export type AddressClass = 'public' | 'internal' | 'forbidden';

type Subnet = readonly [network: string, prefix: number];

const INTERNAL_V4: readonly Subnet[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15], // benchmarks of network devices
];

const FORBIDDEN_V4: readonly Subnet[] = [
  ['0.0.0.0', 8],
  ['100.100.100.200', 32], // metadata of Alibaba Cloud, inside the carrier-grade range
  ['168.63.129.16', 32], // the host below machines of Azure
  ['169.254.0.0', 16], // link-local, metadata of most clouds
  ['192.0.0.0', 24], // protocol assignments, metadata of Oracle Cloud
  ['192.0.2.0', 24],
  ['192.88.99.0', 24], // 6to4 relays
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

const INTERNAL_V6: readonly Subnet[] = [
  ['::1', 128],
  ['fc00::', 7], // unique local
];

const FORBIDDEN_V6: readonly Subnet[] = [
  ['fd00:ec2::254', 128], // metadata of AWS
  ['fd00:ec2::23', 128], // credentials of containers on AWS
  ['fd20:ce::254', 128], // metadata of Google Cloud
  ['2001::', 23], // Teredo, ORCHID and other protocols of their own
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4
  ['3ffe::', 16],
  ['3fff::', 20], // documentation
];

/** All that is routed on the internet lies in here; mapped, compatible and NAT64 addresses lie outside. */
const GLOBAL_V6: readonly Subnet[] = [['2000::', 3]];

/** ISATAP: an IPv4 address in the last half of any prefix. */
const ISATAP = /:5efe:[0-9a-f]{1,4}:[0-9a-f]{1,4}$/;

const internal = { v4: listOf(INTERNAL_V4, 'ipv4'), v6: listOf(INTERNAL_V6, 'ipv6') };
const forbidden = { v4: listOf(FORBIDDEN_V4, 'ipv4'), v6: listOf(FORBIDDEN_V6, 'ipv6') };
const globalV6 = listOf(GLOBAL_V6, 'ipv6');

function listOf(subnets: readonly Subnet[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

/** Says where an IP address leads. Whatever is no address in its plain form (names, zones, octal) is forbidden. */
export function addressClass(address: string): AddressClass {
  const version = isIP(address);
  if (version === 4) return classOfV4(address);
  return version === 6 && !address.includes('%') ? classOfV6(address) : 'forbidden';
}

function classOfV4(address: string): AddressClass {
  if (forbidden.v4.check(address, 'ipv4')) return 'forbidden';
  return internal.v4.check(address, 'ipv4') ? 'internal' : 'public';
}

function classOfV6(address: string): AddressClass {
  // One spelling for each address: compressed, lower case, no dotted end.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  if (forbidden.v6.check(canonical, 'ipv6') || ISATAP.test(canonical)) return 'forbidden';
  if (internal.v6.check(canonical, 'ipv6')) return 'internal';
  return globalV6.check(canonical, 'ipv6') ? 'public' : 'forbidden';
}

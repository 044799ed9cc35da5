import { isIP } from 'node:net';
import type { Request } from 'express';

/**
 * The address a request came from: that of the connection, or what trusted proxies say of it (`trust proxy`). A proxy
 * hands on what it was told, so anything that is no address counts as not said.
 */
export function clientAddress(request: Request): string {
  const said = request.ip ?? '';
  const address = isIP(said) === 0 ? (request.socket.remoteAddress ?? 'unknown') : said;
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

/**
 * What stands for one party: an IPv4 address, or the 64-bit network of an IPv6 address, of which every subscriber has
 * all. Anything else stands for itself.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').toLowerCase().split('::') as [string, string?];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, missing)).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

import { isIP } from 'node:net';
import { addressClass } from './address-class.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import { resolveBySystem, type ResolveHost } from './guarded-target.ts';

export interface HostGuardOptions {
  readonly hosts: AllowedHosts;
  /** Finds the addresses of a name; the system's resolver unless a test says otherwise. */
  readonly resolve?: ResolveHost;
}

/** Why nothing may be sent to a host. The message is for people. */
export class HostRefusedError extends Error {
  override readonly name = 'HostRefusedError';
}

/**
 * The addresses of a host, all of them checked: whoever connects takes one of these, so that no second answer of a resolver can
 * lead elsewhere. @throws HostRefusedError; what the resolver says when there is no such host
 */
export async function guardedAddresses(
  host: string,
  port: number,
  { hosts, resolve = resolveBySystem }: HostGuardOptions,
): Promise<string[]> {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const permission = hosts.permission(isIP(bare) === 6 ? `[${bare}]` : bare, port);
  if (permission === 'none') throw new HostRefusedError(hosts.refusal);
  const found = isIP(bare) === 0 ? (await resolve(bare)).map(({ address }) => address) : [bare];
  const admitted = found.filter((address) => {
    const leadsTo = addressClass(address);
    return leadsTo === 'public' || (leadsTo === 'internal' && permission === 'internal');
  });
  // One address that is not admitted spoils the name: half of an answer is not trusted.
  if (found.length === 0 || admitted.length < found.length)
    throw new HostRefusedError('its host is not at a public address');
  return admitted;
}

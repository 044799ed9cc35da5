import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { FetchError } from '../https/fetch-error.ts';
import { addressClass } from './address-class.ts';
import type { AllowedHosts } from './allowed-hosts.ts';

export interface GuardOptions {
  readonly hosts: AllowedHosts;
  /** Plain http, for development. */
  readonly allowHttp: boolean;
  /** Finds the addresses of a name; the system's resolver unless a test says otherwise. */
  readonly resolve?: ResolveHost;
}

/** All addresses of a name. Rejects when there are none. */
export type ResolveHost = (host: string) => Promise<readonly LookupAddress[]>;

/** What a connection may be made to: only what `lookup` answers was checked, and only that may be connected to. */
export interface GuardedTarget {
  readonly url: URL;
  readonly lookup: LookupFunction;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 };

/**
 * Checks an address before anything is sent to it. Names are checked when they are resolved for the connection, so
 * that no second answer of a resolver can lead elsewhere.
 *
 * @throws FetchError `refused`, with a reason for the client.
 */
export function guardedTarget(url: URL, options: GuardOptions): GuardedTarget {
  const scheme = url.protocol;
  if (scheme !== 'https:' && !(scheme === 'http:' && options.allowHttp))
    throw refused('only https is allowed');
  if (url.username !== '' || url.password !== '') throw refused('it must not hold a user name or password');
  const port = url.port === '' ? DEFAULT_PORTS[scheme]! : Number(url.port);
  const permission = options.hosts.permission(url.hostname, port);
  if (permission === 'none') throw refused(options.hosts.refusal);
  const admits = (address: string) => {
    const found = addressClass(address);
    return found === 'public' || (found === 'internal' && permission === 'internal');
  };
  const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
  // A connection to a literal address asks no resolver: it is checked here or never.
  if (isIP(literal) !== 0 && !admits(literal)) throw notPublic();
  return { url, lookup: guardedLookup(options.resolve ?? resolveBySystem, admits) };
}

function guardedLookup(resolve: ResolveHost, admits: (address: string) => boolean): LookupFunction {
  return (host, { all }, callback) => {
    resolve(host).then(
      (addresses) => {
        // One address that is not admitted spoils the name: half of an answer is not trusted.
        if (addresses.length === 0 || !addresses.every(({ address }) => admits(address))) {
          return callback(notPublic(), '', 0);
        }
        const [first] = addresses;
        if (all) callback(null, [...addresses]);
        else callback(null, first!.address, first!.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

/** Asks the resolver of this machine. */
export const resolveBySystem: ResolveHost = (host) =>
  new Promise((resolve, reject) => {
    systemLookup(host, { all: true, verbatim: true }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    );
  });

function notPublic(): FetchError {
  return refused('its host is not at a public address');
}

function refused(why: string): FetchError {
  return new FetchError('refused', why);
}

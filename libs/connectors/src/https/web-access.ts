import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import { allowedHosts } from '../guard/allowed-hosts.ts';
import { guardedTarget, type GuardOptions, type ResolveHost } from '../guard/guarded-target.ts';
import { asFetchError } from './fetch-error.ts';
import { send, type SendOptions } from './send.ts';

export interface WebAccessOptions {
  /** Hosts that may be spoken to: see `allowedHosts`. Empty: any public one. */
  readonly hosts: readonly string[];
  /** Allow plain http, for development. Default false. */
  readonly allowHttp?: boolean;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly certificates?: readonly string[];
  /** How long a server may be silent, ms. Default 15,000. */
  readonly silenceMs?: number;
  /** See {@link GuardOptions}. */
  readonly resolve?: ResolveHost;
}

/** Requests to servers that pipelines name, behind the guard against internal networks. */
export interface WebAccess {
  readonly silenceMs: number;
  /** Sends one request, and follows nothing. @throws FetchError */
  request(url: URL, options: Omit<SendOptions, 'silenceMs' | 'ca'>): Promise<IncomingMessage>;
}

const SILENCE_MS = 15_000;

export function createWebAccess(options: WebAccessOptions): WebAccess {
  const { hosts, allowHttp = false, certificates = [], silenceMs = SILENCE_MS, resolve } = options;
  const guard: GuardOptions = {
    ...{ hosts: allowedHosts(hosts, 'PIPELINE_HOSTS'), allowHttp },
    ...(resolve === undefined ? {} : { resolve }),
  };
  const ca = certificates.length === 0 ? undefined : [...getCACertificates('default'), ...certificates];
  return {
    silenceMs,
    async request(url, given) {
      try {
        return await send(guardedTarget(url, guard), { ...given, silenceMs, ca });
      } catch (error) {
        throw asFetchError(error, given.signal);
      }
    },
  };
}

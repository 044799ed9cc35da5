import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import { allowedHosts } from '../guard/allowed-hosts.ts';
import { guardedTarget, type GuardOptions, type ResolveHost } from '../guard/guarded-target.ts';
import { asFetchError, FetchError } from '../https/fetch-error.ts';
import { readAway } from '../https/read-away.ts';
import { send } from '../https/send.ts';

export interface WebhookSenderOptions {
  /** Hosts that may be sent to, as for sources of files. Empty: any public one. */
  readonly hosts: readonly string[];
  /** Allow plain http, for development. Default false. */
  readonly allowHttp?: boolean;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly certificates?: readonly string[];
  /** See {@link GuardOptions}. */
  readonly resolve?: ResolveHost;
}

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a receiver answered. */
export interface WebhookAnswer {
  readonly status: number;
  /** What it asks to wait before the next try, ms; null when it asks nothing that can be understood. */
  readonly retryAfterMs: number | null;
}

/** Sends to addresses that strangers give us. */
export interface WebhookSender {
  /** Checks an address without sending anything. @throws FetchError `refused`. */
  check(address: string): void;
  /**
   * Posts once, over a connection of its own, and resolves with whatever is answered; follows nothing. The signal bounds all of it.
   * @throws FetchError: `refused` by the guard, `timeout` by the signal, else what became of the connection.
   */
  post(request: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer>;
}

/** The caller's signal is shorter in practice. */
const SILENCE_MS = 60_000;
/** Posts by https behind a guard against requests into internal networks. No proxy is used. */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const { allowHttp = false, certificates = [], resolve } = options;
  const guard: GuardOptions = {
    hosts: allowedHosts(options.hosts, 'WEBHOOK_HOSTS'),
    allowHttp,
    ...(resolve === undefined ? {} : { resolve }),
  };
  const ca = certificates.length === 0 ? undefined : [...getCACertificates('default'), ...certificates];
  return {
    check: (address) => void guardedTarget(parseAddress(address), guard),
    async post({ url, headers, body }, signal) {
      const target = guardedTarget(parseAddress(url), guard);
      try {
        const sent = { method: 'POST', headers, body: Buffer.from(body), signal, silenceMs: SILENCE_MS, ca };
        const response = await send(target, sent);
        const answer = { status: response.statusCode ?? 0, retryAfterMs: retryAfterOf(response) };
        await readAway(response);
        return answer;
      } catch (error) {
        throw asFetchError(error, signal);
      }
    },
  };
}

function parseAddress(address: string): URL {
  const url = URL.parse(address);
  if (url === null) throw new FetchError('refused', 'it is no address');
  return url;
}

/** Seconds, or a date. */
function retryAfterOf({ headers }: IncomingMessage): number | null {
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const ms = Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

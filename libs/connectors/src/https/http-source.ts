import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import { allowedHosts } from '../guard/allowed-hosts.ts';
import { guardedTarget, type GuardOptions, type ResolveHost } from '../guard/guarded-target.ts';
import { bodyOf } from './body.ts';
import { asFetchError, FetchError } from './fetch-error.ts';
import { fileNameOf } from './file-name.ts';
import { send, type SendOptions } from './send.ts';

export interface HttpSourceOptions {
  /** Hosts that may be fetched from: see {@link allowedHosts}. Empty: any public one. */
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

export interface OpenOptions {
  /** Ends the fetch, also while its body is read; aborted by a time-out it is told as one. */
  readonly signal: AbortSignal;
  /** More bytes than this, unpacked, are refused. */
  readonly maxBytes: number;
  /** Sent as the header of that name to the host of the address, and not where that redirects to. */
  readonly authorization?: string;
}

/** A file whose server began to answer. Its body must be read, or the signal aborted. */
export interface OpenedFile {
  /** As the address or the server calls it, not cleaned; null when neither does. */
  readonly name: string | null;
  /** May be read once. Rejects with {@link FetchError}. */
  readonly body: AsyncIterable<Buffer>;
}

/** Files behind addresses that strangers give us. */
export interface HttpSource {
  /**
   * Checks an address without sending anything. @throws FetchError `refused`.
   */
  check(address: string): void;
  /**
   * Asks for a file and follows up to five redirects, each checked like the first address. @throws FetchError.
   */
  open(address: string, options: OpenOptions): Promise<OpenedFile>;
}

const MAX_REDIRECTS = 5;
const MAX_ADDRESS_CHARACTERS = 8192;
const SILENCE_MS = 15_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Opens files by https behind a guard against requests into internal networks. No proxy is used. */
export function createHttpSource(options: HttpSourceOptions): HttpSource {
  const guard: GuardOptions = {
    hosts: allowedHosts(options.hosts, 'PRESIGNED_URL_HOSTS'),
    allowHttp: options.allowHttp ?? false,
    ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
  };
  const silenceMs = options.silenceMs ?? SILENCE_MS;
  const { certificates = [] } = options;
  const ca = certificates.length === 0 ? undefined : [...getCACertificates('default'), ...certificates];

  return {
    check: (address) => void guardedTarget(parseAddress(address), guard),
    async open(address, { signal, maxBytes, authorization }) {
      const first = parseAddress(address);
      try {
        const response = await follow(first, guard, { signal, silenceMs, ca, authorization });
        const body = bodyOf(response, { signal, silenceMs, maxBytes });
        return { name: fileNameOf(first, response.headers['content-disposition']), body };
      } catch (error) {
        throw asFetchError(error, signal);
      }
    },
  };
}

function parseAddress(address: string): URL {
  const url = address.length > MAX_ADDRESS_CHARACTERS ? null : URL.parse(address);
  if (url === null) throw new FetchError('refused', 'it is not the address of a file');
  return url;
}

interface Following extends Pick<SendOptions, 'signal' | 'silenceMs' | 'ca'> {
  readonly authorization: string | undefined;
}

const FILE_HEADERS = { Accept: '*/*', 'Accept-Encoding': 'identity' };

async function follow(
  first: URL,
  guard: GuardOptions,
  { authorization, ...options }: Following,
): Promise<IncomingMessage> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    // Who asks is told to nobody else than it was meant for.
    const isMeant = authorization !== undefined && url.origin === first.origin;
    const headers = { ...FILE_HEADERS, ...(isMeant && { Authorization: authorization }) };
    const response = await send(guardedTarget(url, guard), { ...options, method: 'GET', headers });
    const { statusCode = 0 } = response;
    if (statusCode === 200) return response;
    response.destroy();
    const { location } = response.headers;
    if (!REDIRECTS.has(statusCode) || location === undefined) {
      throw new FetchError('refused', `its server answered ${statusCode}`);
    }
    const next = URL.parse(location, url.href);
    if (next === null) throw new FetchError('refused', 'its server redirects to what is no address');
    url = next;
  }
  throw new FetchError('refused', `its server redirects more than ${MAX_REDIRECTS} times`);
}

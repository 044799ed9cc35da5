/** Where the broker is, and what kind it is. */
export interface BrokerAddress {
  readonly kind: 'redis' | 'postgres';
  readonly url: string;
  /** For people and logs: without user, password and options. */
  readonly shown: string;
}

/** The broker cannot be used as it is configured. Waiting does not help; the message says what to change. */
export class BrokerConfigurationError extends Error {
  override readonly name = 'BrokerConfigurationError';
}

const KINDS: Readonly<Record<string, BrokerAddress['kind']>> = {
  'redis:': 'redis',
  'rediss:': 'redis',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
};

/**
 * Tells from its scheme which broker a BROKER_URL means.
 * @throws {BrokerConfigurationError} for any other scheme; the message never holds the URL's password.
 */
export function brokerAddress(brokerUrl: string): BrokerAddress {
  if (!URL.canParse(brokerUrl)) throw new BrokerConfigurationError('BROKER_URL is not a URL');
  const { protocol, host, pathname } = new URL(brokerUrl);
  const kind = Object.hasOwn(KINDS, protocol) ? KINDS[protocol] : undefined;
  if (kind === undefined) {
    throw new BrokerConfigurationError(
      `BROKER_URL has the scheme ${protocol}//; a broker is redis://, rediss:// or postgres://`,
    );
  }
  return { kind, url: brokerUrl, shown: `${protocol}//${host}${pathname}` };
}

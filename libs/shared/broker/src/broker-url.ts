import type { RedisPlace } from '@longshore/runtime';
import { BROKER_URL_FORMS, BrokerUrlError, readBrokerUrl } from '@longshore/runtime';

interface Address {
  readonly url: string;
  /** For people and logs: without user, password and options. */
  readonly shown: string;
}

/** A broker on Redis: one server, Sentinels or a cluster. */
export interface RedisAddress extends Address {
  readonly kind: 'redis';
  readonly redis: RedisPlace;
}

export interface PostgresAddress extends Address {
  readonly kind: 'postgres';
}

/** Where the broker is, and what kind it is. */
export type BrokerAddress = RedisAddress | PostgresAddress;

/** The broker cannot be used as it is configured. Waiting does not help; the message says what to change. */
export class BrokerConfigurationError extends Error {
  override readonly name = 'BrokerConfigurationError';
}

/**
 * Tells which broker a BROKER_URL means, and how it is reached.
 * @throws {BrokerConfigurationError} for what is no broker's URL; the message never holds the URL's password.
 */
export function brokerAddress(brokerUrl: string): BrokerAddress {
  try {
    return { url: brokerUrl, ...readBrokerUrl(brokerUrl) };
  } catch (error) {
    if (!(error instanceof BrokerUrlError)) throw error;
    throw new BrokerConfigurationError(`BROKER_URL ${error.message}. Allowed: ${BROKER_URL_FORMS}`);
  }
}

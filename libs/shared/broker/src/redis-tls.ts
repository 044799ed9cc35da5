import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import type { RedisPlace } from '@longshore/runtime';
import { BrokerConfigurationError } from './broker-url.ts';

/**
 * What a connection to this Redis needs to know about TLS; nothing without `rediss`. The server's certificate is verified
 * in any case, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
 * @throws {BrokerConfigurationError} when a file of a certificate or key cannot be used.
 */
export function tlsOptions({ tls, settings }: RedisPlace): ConnectionOptions | undefined {
  if (!tls) return undefined;
  const { ca_file, cert_file, key_file, server_name } = settings;
  const options: ConnectionOptions = {
    rejectUnauthorized: true,
    ...(ca_file !== undefined && { ca: readAuthority(ca_file) }),
    ...(cert_file !== undefined && { cert: readPem('cert_file', cert_file) }),
    ...(key_file !== undefined && { key: readPem('key_file', key_file) }),
    ...(server_name !== undefined && { servername: server_name }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new BrokerConfigurationError(
      `The client certificate ${cert_file} and its key ${key_file} cannot be used: ${(error as Error).message}`,
    );
  }
  return options;
}

const VARIABLES = { ca_file: 'BROKER_CA_FILE', cert_file: 'BROKER_CERT_FILE', key_file: 'BROKER_KEY_FILE' };

function readPem(setting: keyof typeof VARIABLES, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new BrokerConfigurationError(
      `The file ${path} (${VARIABLES[setting]}, or ${setting} in BROKER_URL) cannot be read (${code})`,
    );
  }
}

/** Node takes a file without any certificate for an empty list of authorities, and would say so of the server. */
function readAuthority(path: string): string {
  const pem = readPem('ca_file', path);
  try {
    void new X509Certificate(pem);
    return pem;
  } catch {
    throw new BrokerConfigurationError(`The file ${path} (BROKER_CA_FILE) holds no certificate in PEM form`);
  }
}

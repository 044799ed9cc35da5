import { generateKeyPairSync, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface TestCertificate {
  /** The name that it is for. */
  readonly host: string;
  /** PEM. One that signed itself is also the authority that a client must trust. */
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

/** Makes a certificate for a host name or an IPv4 address, valid for a day around now; it signs itself unless an authority does. Nothing but Node is needed. */
export function makeCertificate(host = 'localhost', authority?: TestCertificate): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const address = isIPv4(host) ? tagged(0x87, Buffer.from(host.split('.').map(Number))) : undefined;
  const alternatives = sequence(address ?? tagged(0x82, Buffer.from(host)));
  const body = sequence(
    tagged(0xa0, INTEGER_2),
    Buffer.from([0x02, 0x01, 0x01]),
    ECDSA_SHA256,
    commonName(authority?.host ?? host),
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
    commonName(host),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      0xa3,
      sequence(
        sequence(ALTERNATIVE_NAME, tagged(0x04, alternatives)),
        sequence(BASIC_CONSTRAINTS, TRUE, tagged(0x04, sequence(TRUE))),
      ),
    ),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, authority?.key ?? privateKey)]);
  const der = sequence(body, ECDSA_SHA256, tagged(0x03, signature));
  const lines = der.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
  return {
    host,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** ASN.1 in its distinguished encoding: tag, length, content. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function commonName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(name)))));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function utcTime(ms: number): Buffer {
  const [date, time] = new Date(ms).toISOString().split('T') as [string, string];
  return tagged(0x17, Buffer.from(`${`${date}${time.slice(0, 8)}`.replaceAll(/[-:]/g, '').slice(2)}Z`));
}

const oid = (hex: string) => tagged(0x06, Buffer.from(hex, 'hex'));
const COMMON_NAME = oid('550403');
const ALTERNATIVE_NAME = oid('551d11');
const BASIC_CONSTRAINTS = oid('551d13');
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const INTEGER_2 = Buffer.from([0x02, 0x01, 0x02]);
const TRUE = Buffer.from([0x01, 0x01, 0xff]);

import { BrokerConfigurationError } from './broker-url.ts';
import type { BrokerAddress } from './broker-url.ts';
import { grant } from './redis-rights.ts';

/** What a connection complains about, in words. */
export interface Trouble {
  readonly level: 'info' | 'warn' | 'error';
  /** Constant for its kind. */
  readonly message: string;
  /** What was said by the broker or on the way to it. */
  readonly reason: string;
  /** What is to be done about it, where something is. */
  readonly advice?: string;
}

type Kind = Omit<Trouble, 'reason' | 'advice'> & {
  readonly says: RegExp;
  readonly advice?: string | ((address: BrokerAddress) => string);
};

const KEPT = 'Accepted work waits in the database meanwhile.';
const CERTIFICATE =
  'Name the authority that signed it in BROKER_CA_FILE, and write the host in BROKER_URL as in the certificate, or add ?server_name=<name>.';
const OTHER_END =
  'Write rediss:// exactly where the Redis listens with TLS (tls-port), redis:// where it does not.';

/** The first that fits. */
const KINDS: readonly Kind[] = [
  {
    // A broker that was emptied or restarted knows nothing of the messages that were active: expected, and harmless.
    ...{ level: 'info', message: 'broker forgot active messages' },
    says: /Missing (key|lock) for job|could not renew lock|is not in the active state/,
  },
  {
    ...{ level: 'error', message: 'broker is full' },
    says: /\bOOM\b/,
    advice: `It takes nothing new until memory is free: raise maxmemory, or remove what else lies in it. ${KEPT}`,
  },
  {
    ...{ level: 'warn', message: 'broker is read-only' },
    says: /\bREADONLY\b|is a replica of/,
    advice: `A failover mends it within seconds; if it stays, BROKER_URL names a replica: name the master, or the Sentinels. ${KEPT}`,
  },
  {
    ...{ level: 'error', message: 'broker refuses writes' },
    says: /\bMISCONF\b|\bNOREPLICAS\b/,
    advice: `Mend its disk (MISCONF) or its replicas (NOREPLICAS); nothing that lies in a broker needs to be saved. ${KEPT}`,
  },
  {
    ...{ level: 'error', message: 'broker refuses our password' },
    says: /\b(WRONGPASS|NOAUTH)\b|invalid password|called without any password|password authentication failed/,
    advice: 'Put the right user and password into BROKER_URL, or the password into REDIS_PASSWORD.',
  },
  {
    ...{ level: 'error', message: 'broker lets us do too little' },
    says: /\bNOPERM\b|can't run this command|can't access at least one of the keys/,
    advice: (address) => grant(address.kind === 'redis' ? address.redis.username : undefined),
  },
  {
    ...{ level: 'error', message: 'broker is no cluster' },
    says: /cluster support disabled/,
    advice: 'BROKER_URL is to be redis://, or redis-sentinel:// where Sentinels watch it.',
  },
  {
    ...{ level: 'error', message: 'broker is a cluster' },
    says: /\bMOVED \d/,
    advice: 'BROKER_URL is to be redis-cluster://.',
  },
  {
    ...{ level: 'warn', message: 'broker cluster is incomplete' },
    says: /\bCLUSTERDOWN\b|cluster_state:fail|Too many Cluster redirections/,
    advice: `No node serves our keys: start the failed master, or promote a replica of it (CLUSTER FAILOVER). ${KEPT}`,
  },
  {
    ...{ level: 'error', message: 'broker certificate is not trusted' },
    says: /SELF_SIGNED|self-signed|UNABLE_TO_(VERIFY|GET)|unable to (verify|get)|ALTNAME|altnames|CERT_|certificate/i,
    advice: CERTIFICATE,
  },
  {
    ...{ level: 'error', message: 'broker speaks another protocol' },
    says: /wrong version number|packet length too long|EPROTO|Protocol error/i,
    advice: OTHER_END,
  },
  {
    ...{ level: 'warn', message: 'broker makes no TLS connection' },
    says: /made no TLS connection/,
    advice: OTHER_END,
  },
  {
    ...{ level: 'warn', message: 'broker sentinels do not answer' },
    says: /sentinels are unreachable|through its Sentinels/,
    advice: `Check that the Sentinels run, and that BROKER_URL names the master as they do (SENTINEL MASTERS). ${KEPT}`,
  },
  {
    ...{ level: 'warn', message: 'broker is not reachable' },
    says: /ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timeout|timed out|Connection (is closed|terminated|ended)|isn't writeable|isn't ready|not reachable|no node serves|Failed to refresh slots|startup nodes|terminating connection|starting up|shutting down|LOADING|MASTERDOWN/i,
    advice: `Check that it runs at this address, and whether it wants TLS (rediss://). ${KEPT}`,
  },
];

/** Tells from an error of a connection or command what is wrong with the broker and what to do about it. */
export function troubleOf(error: Error, address: BrokerAddress): Trouble {
  const reason = reasonOf(error);
  if (error instanceof BrokerConfigurationError) {
    return { level: 'error', message: 'broker is not fit for use', reason };
  }
  const text = `${(error as NodeJS.ErrnoException).code ?? ''} ${reason}`;
  const kind = KINDS.find(({ says }) => says.test(text));
  if (kind === undefined) return { level: 'warn', message: 'broker trouble', reason };
  const { level, message, advice } = kind;
  if (advice === undefined) return { level, message, reason };
  return { level, message, reason, advice: typeof advice === 'string' ? advice : advice(address) };
}

/** These do not mend themselves, so a process that starts is not to wait for that. */
const MISCONFIGURED = new Set([
  'broker refuses our password',
  'broker lets us do too little',
  'broker is no cluster',
  'broker is a cluster',
  'broker certificate is not trusted',
  'broker speaks another protocol',
]);

/** The error with what to do about it in its message; one that waiting does not mend says so by its class. */
export function explained(error: Error, address: BrokerAddress): Error {
  if (error instanceof BrokerConfigurationError) return error;
  const { message, reason, advice } = troubleOf(error, address);
  const sentence = `${message} (${address.shown}): ${reason.replace(/\.+$/, '')}${advice === undefined ? '' : `. ${advice}`}`;
  if (MISCONFIGURED.has(message)) return new BrokerConfigurationError(sentence);
  return new Error(sentence, { cause: error });
}

/** A failure to connect to a name with several addresses, or to a cluster, has its reasons inside. */
function reasonOf(error: Error & { lastNodeError?: unknown }): string {
  const inside = error.lastNodeError instanceof Error ? ` (${error.lastNodeError.message})` : '';
  if (error.message !== '') return `${error.message}${inside}`;
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name;
}

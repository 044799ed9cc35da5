import { networks, sealingKeys, wholeNumber } from './schemas.ts';
import { defaulting, optional } from './variable.ts';

/** Whom the backend believes, and what it keeps of what they did. */
export const securityVariables = {
  trustedProxies: defaulting('', {
    env: 'TRUSTED_PROXIES',
    schema: networks,
    range: 'addresses and networks (10.0.0.0/8) separated by commas',
    help: 'Reverse proxies that are believed when `X-Forwarded-For` says where a request came from.',
    readBy: ['backend'],
  }),
  auditRetentionDays: defaulting('365', {
    env: 'AUDIT_RETENTION_DAYS',
    schema: wholeNumber(1, 36_500),
    range: '1 to 36500',
    help: 'How long acts stay in the audit log; what was refused or failed stays 30 days at most.',
    readBy: ['backend'],
  }),
  encryptionKeys: optional({
    env: 'ENCRYPTION_KEYS',
    schema: sealingKeys,
    range: 'keys of 32 bytes in base64, separated by commas, the newest first',
    help:
      'Keys by which secrets are sealed in the database: the first seals, all open. The same for all backends. When not set, ' +
      'the backend makes `encryption.key` in `LONGSHORE_HOME`.',
    readBy: ['backend'],
    secret: true,
  }),
} as const;

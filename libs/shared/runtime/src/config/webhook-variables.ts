import { FLAG_RANGE, flag, hostList, seconds, text } from './schemas.ts';
import { defaulting, optional } from './variable.ts';

/** How webhooks are sent, and where they may go. */
export const webhookVariables = {
  webhookHosts: defaulting('', {
    env: 'WEBHOOK_HOSTS',
    schema: hostList,
    range: 'hosts separated by commas: `hooks.example.com`, `*.example.com`, `*`, `localhost:9000`',
    help:
      'Hosts to which webhooks may be sent; any public host when not set. Only an entry with a port may lead to an internal ' +
      'address or to another port than 443.',
    readBy: ['backend', 'general'],
  }),
  webhookAllowHttp: defaulting('false', {
    env: 'WEBHOOK_ALLOW_HTTP',
    schema: flag,
    range: FLAG_RANGE,
    help: 'Whether webhooks may also be sent by plain http. For development, and for receivers in a network of your own.',
    readBy: ['backend', 'general'],
  }),
  webhookCaFile: optional({
    env: 'WEBHOOK_CA_FILE',
    schema: text,
    range: 'path of a PEM file',
    help: 'Certificates of authorities that are trusted for receivers of webhooks, besides the usual ones.',
    readBy: ['general'],
  }),
  webhookTimeoutMs: defaulting('15', {
    env: 'WEBHOOK_TIMEOUT',
    schema: seconds(0.1, 50),
    range: '0.1 to 50 seconds',
    help: 'How long one try of a delivery may take.',
    readBy: ['general'],
  }),
  webhookRetryDelayMs: defaulting('30', {
    env: 'WEBHOOK_RETRY_DELAY',
    schema: seconds(0.01, 3600),
    range: '0.01 to 3600 seconds',
    help: 'The longest pause after the first try of a delivery that failed; each further one is four times as long, up to two hours.',
    readBy: ['general'],
  }),
  webhookLeastWindowMs: defaulting('60', {
    env: 'WEBHOOK_MIN_WINDOW',
    schema: seconds(1, 7200),
    range: '1 to 7200 seconds',
    help: 'No webhook may gather events for a shorter time.',
    readBy: ['backend'],
  }),
} as const;

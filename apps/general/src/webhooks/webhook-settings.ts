import { readFileSync } from 'node:fs';
import { createWebhookSender } from '@longshore/connectors';
import { loadConfig } from '@longshore/runtime';
import type { DeliverWebhookMeans } from './deliver-webhook.ts';

const KEYS = [
  'webhookHosts',
  'webhookAllowHttp',
  'webhookCaFile',
  'webhookTimeoutMs',
  'webhookRetryDelayMs',
] as const;

/** Reads what this worker was told about webhooks. @throws {ConfigError} with every problem */
export function webhookMeans(): DeliverWebhookMeans {
  const config = loadConfig(KEYS);
  const { webhookCaFile: file, webhookHosts: hosts, webhookAllowHttp: allowHttp } = config;
  const certificates = file === undefined ? [] : [readFileSync(file, 'utf8')];
  return {
    sender: createWebhookSender({ hosts, allowHttp, certificates }),
    timeoutMs: config.webhookTimeoutMs,
    retryDelayMs: config.webhookRetryDelayMs,
  };
}

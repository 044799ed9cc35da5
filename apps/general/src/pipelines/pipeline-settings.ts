import { readFileSync } from 'node:fs';
import {
  allowedFolders,
  allowedHosts,
  createHttpSource,
  createWebAccess,
  createWebhookSender,
  type AllowedFolders,
  type AllowedHosts,
  type HttpSource,
  type WebAccess,
  type WebhookSender,
} from '@longshore/connectors';
import { loadConfig } from '@longshore/runtime';
import { createPlaces, type Places } from './places.ts';

/** What pipelines may reach, and how much of it. */
export interface PipelineMeans {
  readonly folders: AllowedFolders;
  readonly addresses: HttpSource;
  /** Servers of buckets. */
  readonly web: WebAccess;
  /** Servers of databases. */
  readonly databases: AllowedHosts;
  /** Connections to databases, of all runs of this process together. */
  readonly connections: Places;
  readonly webhooks: WebhookSender;
  /** For one file behind an address, ms. */
  readonly fetchTimeoutMs: number;
  readonly maxFileBytes: number;
}

const KEYS = [
  'pipelineFolders',
  'pipelineHosts',
  'presignedUrlHosts',
  'presignedUrlAllowHttp',
  'presignedUrlTimeoutMs',
  'presignedUrlCaFile',
  'webhookHosts',
  'webhookAllowHttp',
  'webhookCaFile',
  'maxFileBytes',
] as const;

const MOST_CONNECTIONS = 4;
const POSTGRES_PORTS = [5432];

/** Reads what this worker was told about pipelines. @throws {ConfigError} with every problem */
export function pipelineMeans(): PipelineMeans {
  const config = loadConfig(KEYS);
  const { presignedUrlHosts: hosts, presignedUrlAllowHttp: allowHttp, pipelineHosts } = config;
  const certificates = certificatesIn(config.presignedUrlCaFile);
  return {
    folders: allowedFolders(config.pipelineFolders),
    addresses: createHttpSource({ hosts, allowHttp, certificates }),
    web: createWebAccess({ hosts: pipelineHosts, allowHttp, certificates }),
    databases: allowedHosts(pipelineHosts, 'PIPELINE_HOSTS', POSTGRES_PORTS),
    connections: createPlaces(MOST_CONNECTIONS),
    webhooks: createWebhookSender({
      ...{ hosts: config.webhookHosts, allowHttp: config.webhookAllowHttp },
      certificates: certificatesIn(config.webhookCaFile),
    }),
    fetchTimeoutMs: config.presignedUrlTimeoutMs,
    maxFileBytes: config.maxFileBytes,
  };
}

function certificatesIn(file: string | undefined): string[] {
  return file === undefined ? [] : [readFileSync(file, 'utf8')];
}

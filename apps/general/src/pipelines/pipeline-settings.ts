import { readFileSync } from 'node:fs';
import {
  allowedFolders,
  createHttpSource,
  type AllowedFolders,
  type HttpSource,
} from '@longshore/connectors';
import { loadConfig } from '@longshore/runtime';

/** What pipelines may reach, and how much of it. */
export interface PipelineMeans {
  readonly folders: AllowedFolders;
  readonly addresses: HttpSource;
  /** For one file behind an address, ms. */
  readonly fetchTimeoutMs: number;
  readonly maxFileBytes: number;
}

const KEYS = [
  'pipelineFolders',
  'presignedUrlHosts',
  'presignedUrlAllowHttp',
  'presignedUrlTimeoutMs',
  'presignedUrlCaFile',
  'maxFileBytes',
] as const;

/** Reads what this worker was told about pipelines. @throws {ConfigError} with every problem */
export function pipelineMeans(): PipelineMeans {
  const config = loadConfig(KEYS);
  const { presignedUrlCaFile: file, presignedUrlHosts: hosts, presignedUrlAllowHttp: allowHttp } = config;
  const certificates = file === undefined ? [] : [readFileSync(file, 'utf8')];
  return {
    folders: allowedFolders(config.pipelineFolders),
    addresses: createHttpSource({ hosts, allowHttp, certificates }),
    fetchTimeoutMs: config.presignedUrlTimeoutMs,
    maxFileBytes: config.maxFileBytes,
  };
}

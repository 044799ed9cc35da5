import { loadConfig } from '@longshore/runtime';

const keys = [
  'databaseUrl',
  'brokerUrl',
  'host',
  'port',
  'storageDir',
  'logLevel',
  'logDir',
  'shutdownGraceMs',
  'parentPipe',
  'bootstrapFile',
  'sessionTimeoutMs',
  'maxParallelFiles',
  'maxUnfinishedPerOrganisation',
  'maxUnfinished',
  'maxWaitingRuns',
  'maxFileBytes',
  'maxRequestBytes',
  'maxFilesPerRequest',
  'trustedProxies',
  'auditRetentionDays',
  'corsOrigins',
  'uploadStallMs',
  'presignedUrlHosts',
  'presignedUrlAllowHttp',
  'presignedUrlTimeoutMs',
  'presignedUrlCaFile',
  'retainUploadsHours',
  'retainResultsDays',
  'retainLogsDays',
  'retainHistoryDays',
] as const;

/** The backend's settings. @throws ConfigError that lists everything wrong. */
export function loadBackendConfig(env: Readonly<Record<string, string | undefined>> = process.env) {
  return loadConfig(keys, { env });
}
export type BackendConfig = ReturnType<typeof loadBackendConfig>;

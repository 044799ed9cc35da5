import { loadConfig, tracingKeys } from '@longshore/runtime';

const keys = [
  'databaseUrl',
  'encryptionKeys',
  'longshoreHome',
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
  'webhookHosts',
  'webhookAllowHttp',
  'webhookLeastWindowMs',
  'retainUploadsHours',
  'retainResultsDays',
  'retainLogsDays',
  'retainHistoryDays',
  ...tracingKeys,
] as const;

/** The backend's settings. @throws ConfigError that lists everything wrong. */
export function loadBackendConfig(env: Readonly<Record<string, string | undefined>> = process.env) {
  return loadConfig(keys, { env });
}
export type BackendConfig = ReturnType<typeof loadBackendConfig>;

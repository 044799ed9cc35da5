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
  'maxFileBytes',
  'maxRequestBytes',
  'maxFilesPerRequest',
] as const;

/** The backend's settings. @throws ConfigError that lists everything wrong. */
export function loadBackendConfig() {
  return loadConfig(keys);
}
export type BackendConfig = ReturnType<typeof loadBackendConfig>;

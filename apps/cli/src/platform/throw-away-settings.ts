import { join } from 'node:path';
import { coreWorkerNames } from '@longshore/contracts';
import type { Home } from '../home/home.ts';
import type { PlatformSettings } from './settings.ts';

const KEPT = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'TZ',
  'NODE_OPTIONS',
  'NODE_COMPILE_CACHE',
] as const;

const ANY_HEALTH_PORT = Object.freeze({
  API_DEPLOYMENT_HEALTH_PORT: '0',
  GENERAL_HEALTH_PORT: '0',
  FILE_PROCESSING_HEALTH_PORT: '0',
  CALLBACK_HEALTH_PORT: '0',
});

/**
 * Settings of a platform that nobody else knows of: everything in this home, on free ports of 127.0.0.1. Of the environment only what
 * programs need to run: settings of another platform must not reach this one.
 */
export function throwAwaySettings(home: Home, graceMs: number): PlatformSettings {
  const env = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]));
  return {
    home,
    host: '127.0.0.1',
    port: 0,
    storageDir: join(home.folder, 'files'),
    logLevel: 'info',
    graceMs,
    databaseUrl: undefined,
    brokerUrl: undefined,
    workers: coreWorkerNames,
    env: { ...env, ...ANY_HEALTH_PORT },
  };
}

import { createHash } from 'node:crypto';
import type { Placement } from './placement.ts';

/** Enforced at every start, whatever postgresql.conf says: reachable from this machine alone, and nothing lost. */
const ENFORCED_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  logging_collector: 'off',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  log_line_prefix: '%m [%p] %q%u@%d ',
};

/**
 * The name a server carries as `cluster_name`: it changes with the data folder, the binaries and the enforced settings, so
 * that one which was left behind by another release is known as such.
 */
export function serverMarker({ data, binaries }: Placement): string {
  const told = JSON.stringify([data, binaries.root, binaries.version, ENFORCED_SETTINGS]);
  return `longshore-${createHash('sha256').update(told).digest('hex').slice(0, 12)}`;
}

/** The command line of the server. */
export function serverArguments(placement: Placement, port: number): string[] {
  const settings = { ...ENFORCED_SETTINGS, cluster_name: serverMarker(placement), port: String(port) };
  return [
    '-D',
    placement.data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

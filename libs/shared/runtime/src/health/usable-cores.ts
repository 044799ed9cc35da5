import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** The content of a file; undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined;

const CGROUPS = '/sys/fs/cgroup';

/**
 * Processors that this process may use, parts of one included: the quota of its control group (of its container, or of `CPUQuota` in a unit) where there is
 * one, else what the machine has. Node knows of no quota. Formats: cgroup-v2.rst and sched-bwc.rst of the kernel's documentation.
 */
export function usableCores(read: ReadText = readText, all = availableParallelism()): number {
  const quota = quotaOfUnified(read) ?? quotaOfLegacy(read);
  return quota === undefined ? all : Math.min(quota, all);
}

/** Version 2: `cpu.max` is "max 100000", or microseconds of processor time and the period in which they may be used. */
function quotaOfUnified(read: ReadText): number | undefined {
  const own = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  const text = read(join(CGROUPS, own, 'cpu.max')) ?? read(join(CGROUPS, 'cpu.max'));
  const [quota, period] = (text ?? '').trim().split(' ');
  return coresOf(quota, period);
}

/** Version 1: a container sees its own group at the top, a process of a unit finds it under its name. */
function quotaOfLegacy(read: ReadText): number | undefined {
  const own = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  for (const group of [own, '/']) {
    const folder = join(CGROUPS, 'cpu', group);
    const cores = coresOf(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')));
    if (cores !== undefined) return cores;
  }
  return undefined;
}

/** Undefined for no quota: "max" in version 2, -1 in version 1. */
function coresOf(quota: string | undefined, period: string | undefined): number | undefined {
  const cores = Number(quota) / Number(period);
  return cores > 0 && Number.isFinite(cores) ? cores : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // There are no such control groups here.
  }
}

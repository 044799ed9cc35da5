import { describe, expect, it } from '@jest/globals';
import { usableCores } from './usable-cores.ts';

const on = (files: Record<string, string>, all = 8) => usableCores((path) => files[path], all);

describe('the processors that a process may use', () => {
  it.each<[string, Record<string, string>, number]>([
    ['those of the machine without control groups', {}, 8],
    ['those of the machine without a quota', { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, 8],
    [
      'half of one in a container',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
      0.5,
    ],
    [
      'what its unit leaves it',
      {
        '/proc/self/cgroup': '0::/system.slice/worker.service\n',
        '/sys/fs/cgroup/system.slice/worker.service/cpu.max': '150000 100000\n',
      },
      1.5,
    ],
    ['never more than the machine has', { '/sys/fs/cgroup/cpu.max': '1600000 100000\n' }, 8],
    [
      'one in a container of the older control groups, which names the group that only its host sees',
      {
        '/proc/self/cgroup': '5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      1,
    ],
    [
      'those of the machine without a quota in the older ones',
      {
        '/proc/self/cgroup': '4:cpu,cpuacct:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      8,
    ],
  ])('are %s', (_what, files, cores) => expect(on(files)).toBe(cores));

  it('are at least a part of one here', () => expect(usableCores()).toBeGreaterThan(0));
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** What `longshore up` writes down about the platform of its home. */
const instanceSchema = z.object({
  processes: z.array(z.object({ name: z.string(), pid: z.int().positive() })),
});

/**
 * A sentence for somebody who serves a worker by hand while the platform of this home runs one of the same name; undefined when it does
 * not. Never throws.
 */
export function besidePlatform(worker: string, home: string): string | undefined {
  const own = processesOf(home).find(
    ({ name, pid }) => name === worker && pid !== process.pid && isAlive(pid),
  );
  if (own === undefined) return undefined;
  return (
    `The platform in ${home} runs a ${worker} worker of its own (process ${own.pid}), and both take from the same queues: ` +
    `to have this one take all, start the platform with --without ${worker}`
  );
}

function processesOf(home: string): z.infer<typeof instanceSchema>['processes'] {
  try {
    return instanceSchema.parse(JSON.parse(readFileSync(join(home, 'instance.json'), 'utf8'))).processes;
  } catch {
    return []; // No platform was ever started there, or it writes another file: nothing to tell.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

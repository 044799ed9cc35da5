import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { redisIsAvailable } from '@longshore/testing';
import { root } from '../src/run-steps.ts';
import { startServers, type Servers } from './runs/servers.ts';

/** A measurement that is told on a page of the documents. */
export interface Measurement<Sizes> {
  readonly usage: string;
  /** Null when help was asked for. @throws Error that names what is wrong */
  readonly sizesOf: (args: readonly string[]) => Sizes | null;
  /** Path in the repository. */
  readonly page: string;
  /** Measures, and tells it. */
  readonly textOf: (servers: Servers, sizes: Sizes) => Promise<string>;
}

/** With fewer rounds there is no median to speak of. */
const LEAST_ROUNDS = 3;

/** Measures on servers of its own, prints the page, and writes it where it is whole. @throws Error without Redis, and what measuring throws */
export async function measurePage<Sizes extends { readonly rounds: number }>(
  args: readonly string[],
  measurement: Measurement<Sizes>,
): Promise<void> {
  const sizes = asked(args, measurement);
  if (sizes === null) return;
  if (!(await redisIsAvailable())) throw new Error('the bench measures on Redis: install redis-server');
  const servers = await startServers();
  stopOnSignals(servers);
  try {
    const text = await measurement.textOf(servers, sizes);
    process.stdout.write(text);
    // A part of the page, or one from too few rounds, shall not replace the page.
    if (sizes.rounds >= LEAST_ROUNDS && !args.includes('--part'))
      await writeFile(join(root, measurement.page), text);
  } finally {
    await servers.stop();
  }
}

/** What was asked for; null when there is nothing to measure: help was asked for, or something that there is not. */
function asked<Sizes>(args: readonly string[], { usage, sizesOf }: Measurement<Sizes>): Sizes | null {
  try {
    const sizes = sizesOf(args);
    if (sizes === null) process.stdout.write(usage);
    return sizes;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}; see --help\n`);
    process.exitCode = 2;
    return null;
  }
}

/** Servers outlive this process unless they are told: platforms end with it. */
function stopOnSignals(servers: Servers): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void servers.stop().finally(() => process.exit(1)));
}

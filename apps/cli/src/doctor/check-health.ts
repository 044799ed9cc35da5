import { hostname } from 'node:os';
import type { WorkersResponse } from '@longshore/contracts';
import { z } from 'zod';
import { type Finding, note, ok, wrong } from './finding.ts';

const ANSWERS_WITHIN_MS = 3_000;
const healthSchema = z.object({ status: z.string(), reasons: z.array(z.string()) });

/** What the workers of this machine say of themselves. Those of other machines are told by their heartbeats alone. */
export async function checkHealth(
  { pools }: WorkersResponse,
  withinMs = ANSWERS_WITHIN_MS,
): Promise<Finding[]> {
  const near = pools
    .flatMap(({ sessions }) => sessions)
    .flatMap(({ hostname: machine, health_port: port, instance }) =>
      machine === hostname() && port !== null ? [{ instance, port }] : [],
    );
  const findings = await Promise.all(near.map((worker) => healthOf(worker, withinMs)));
  const ill = findings.filter((finding) => finding !== undefined);
  return near.length === 0 || ill.length > 0
    ? ill
    : [ok('health', `${near.length} workers of this machine are healthy`)];
}

async function healthOf(
  { instance, port }: { instance: string; port: number },
  withinMs: number,
): Promise<Finding | undefined> {
  const url = `http://127.0.0.1:${port}/health`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    const { reasons } = healthSchema.parse(await response.json());
    if (response.ok) return undefined;
    return wrong('health', `${instance} is not well: ${reasons.join('; ')}`, `See ${url} and its log.`);
  } catch (error) {
    return isTimeout(error) ? standsStill(instance, url) : unheard(instance, url, error as Error);
  }
}

function isTimeout(error: unknown): boolean {
  return (error as Error).name === 'TimeoutError';
}

/** Something listens there, or it would be refused: it has no moment to answer. */
function standsStill(instance: string, url: string): Finding {
  return wrong(
    'health',
    `${instance} takes connections at ${url} but answers nothing: its main loop stands still, most likely held by the handler of a run`,
    `See what it executes: "longshore workers", "longshore tasks list --status started". Give such tasks the isolation thread or process.`,
  );
}

function unheard(instance: string, url: string, error: Error): Finding {
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  const found = `${instance} does not answer at ${url} (${cause?.code ?? error.name})`;
  return note('health', found, 'Does it listen on another address (HOST)? Else look into its log.');
}

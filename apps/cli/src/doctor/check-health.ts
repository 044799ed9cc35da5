import { hostname } from 'node:os';
import type { WorkersResponse } from '@longshore/contracts';
import { z } from 'zod';
import { duration } from '../output/duration.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

const ANSWERS_WITHIN_MS = 3_000;
const CLOCKS_APART_MS = 3_000;
const HALF_A_SECOND_MS = 500;
const healthSchema = z.object({ status: z.string(), reasons: z.array(z.string()) });

export interface HealthOptions {
  /** Milliseconds. Default: 3,000. */
  readonly withinMs?: number;
  /** The time of the platform, in milliseconds. Default: of this machine. */
  readonly now?: () => number;
}

/** What the workers of this machine say of themselves, and their clocks. Those of other machines are told by their heartbeats alone. */
export async function checkHealth(
  { pools }: WorkersResponse,
  { withinMs = ANSWERS_WITHIN_MS, now = Date.now }: HealthOptions = {},
): Promise<Finding[]> {
  const near = pools
    .flatMap(({ sessions }) => sessions)
    .flatMap(({ hostname: machine, health_port: port, instance }) =>
      machine === hostname() && port !== null ? [{ instance, port }] : [],
    );
  const findings = await Promise.all(near.map((worker) => healthOf(worker, { withinMs, now })));
  const ill = findings.flat();
  return near.length === 0 || ill.length > 0
    ? ill
    : [ok('health', `${near.length} workers of this machine are healthy`)];
}

async function healthOf(
  { instance, port }: { instance: string; port: number },
  { withinMs, now }: Required<HealthOptions>,
): Promise<Finding[]> {
  const url = `http://127.0.0.1:${port}/health`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    const clock = clockOf(instance, response.headers.get('date'), now());
    const { reasons } = healthSchema.parse(await response.json());
    if (response.ok) return clock;
    const found = `${instance} is not well: ${reasons.join('; ')}`;
    const isHeld = reasons.some((reason) => reason.includes('stood still'));
    return [wrong('health', found, isHeld ? HELD : `See ${url} and its log.`), ...clock];
  } catch (error) {
    return [isTimeout(error) ? standsStill(instance, url) : unheard(instance, url, error as Error)];
  }
}

/** Nothing where the answer has no date. It tells whole seconds, so its middle is the best guess. */
function clockOf(instance: string, date: string | null, now: number): Finding[] {
  const ahead = Date.parse(date ?? '') + HALF_A_SECOND_MS - now;
  if (Number.isNaN(ahead) || Math.abs(ahead) <= CLOCKS_APART_MS) return [];
  const found = `the clock of ${instance} is ${duration(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the platform's`;
  return [wrong('clocks', found, 'Run an NTP client (chrony, systemd-timesyncd) on both machines.')];
}

function isTimeout(error: unknown): boolean {
  return (error as Error).name === 'TimeoutError';
}

const HELD =
  'See what it executes: "longshore workers", "longshore tasks list --status started". Give such tasks the isolation thread or process.';

/** Something listens there, or it would be refused: it has no moment to answer. */
function standsStill(instance: string, url: string): Finding {
  return wrong(
    'health',
    `${instance} takes connections at ${url} but answers nothing: its main loop stands still, most likely held by the handler of a run`,
    HELD,
  );
}

function unheard(instance: string, url: string, error: Error): Finding {
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  const found = `${instance} does not answer at ${url} (${cause?.code ?? error.name})`;
  return note('health', found, 'Does it listen on another address (HOST)? Else look into its log.');
}

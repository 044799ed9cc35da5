import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PublicApi } from '../runs/public-api.ts';
import type { Servers } from '../runs/servers.ts';
import { ask, partsOf, sideBySide } from './client.ts';
import type { Sizes } from './options.ts';
import { moved, onStage, settled, type Stage } from './stage.ts';

export interface FiredFigures {
  /** How much later than due each was fired, as the history says, ms. */
  readonly fired: readonly number[];
  /** How much later than due each handler was called, ms. */
  readonly handled: readonly number[];
}

export interface SchedulesRound {
  /** Schedules created per second. */
  readonly created: number;
  /** Due at every second of a minute, as many at each. */
  readonly spread: FiredFigures;
  /** Due at one moment. */
  readonly together: FiredFigures;
}

const MINUTE_MS = 60_000;
/** The most that one apply takes. */
const APPLIED_TOGETHER = 100;
/** Schedules that are made first and are far from due: by them the minute is chosen in which the others can be there. */
const PROBE = 500;
const READERS = 10;

interface Wanted {
  readonly name: string;
  readonly dueAt: number;
}

export function measureSchedules(servers: Servers, sizes: Sizes): Promise<SchedulesRound> {
  return onStage(servers, sizes, async (stage) => {
    const perSecond = await probe(stage);
    const second = (index: number) => (index % 60) * 1000;
    const spread = await fireAll(stage, 'spread', perSecond, second);
    const together = await fireAll(stage, 'together', perSecond, () => 0);
    const created = (spread.created + together.created) / 2;
    return { created, spread: spread.figures, together: together.figures };
  });
}

/** @returns schedules created per second */
async function probe(stage: Stage): Promise<number> {
  const dueAt = Date.now() + 300 * 24 * 3_600_000;
  return create(
    stage,
    Array.from({ length: PROBE }, (_, index) => ({ name: `probe-${index}`, dueAt })),
  );
}

async function fireAll(stage: Stage, kind: string, perSecond: number, after: (index: number) => number) {
  const { schedules: count } = stage.sizes;
  const ready = Date.now() + (count / perSecond) * 2_000 + 5_000;
  const minute = Math.ceil(ready / MINUTE_MS) * MINUTE_MS;
  const wanted = Array.from({ length: count }, (_, index) => ({
    name: `${kind}-${index}`,
    dueAt: minute + after(index),
  }));
  const created = await create(stage, wanted);
  if (Date.now() >= minute) throw new Error('the schedules were due before all were there: measure again');
  await sleep(wanted.reduce((last, { dueAt }) => Math.max(last, dueAt), minute) - Date.now());
  await moved('schedules', async () => count - (await effectsOf(stage, kind)).length);
  await settled(stage);
  const fired = await checkHistory(stage, wanted, kind);
  return { created, figures: { fired, handled: checkEffects(await effectsOf(stage, kind), wanted) } };
}

/** As `longshore apply` does. @returns schedules per second */
async function create(stage: Stage, wanted: readonly Wanted[]): Promise<number> {
  const admin = { ...stage.api, apiKey: stage.instance.adminKey };
  const started = performance.now();
  for (const part of partsOf(wanted, APPLIED_TOGETHER)) {
    const documents = part.map((one) => documentOf(stage, one));
    await ask(admin, 'POST', '/api/v1/apply', { documents });
  }
  return (wanted.length * 1000) / (performance.now() - started);
}

function documentOf(stage: Stage, { name, dueAt }: Wanted) {
  const at = new Date(dueAt);
  const time = [at.getUTCSeconds(), at.getUTCMinutes(), at.getUTCHours()];
  const parameters = { schedule: name, effects: effectsFile(stage, name.split('-')[0]!) };
  return {
    ...{ kind: 'schedule', name, task: 'bench.fired', parameters },
    cron: [...time, at.getUTCDate(), at.getUTCMonth() + 1, '*'].join(' '),
  };
}

const effectsFile = ({ folder }: Stage, kind: string) => join(folder, `effects-${kind}`);

interface Effect {
  readonly schedule: string;
  readonly at: number;
}

/** What the handlers did. */
async function effectsOf(stage: Stage, kind: string): Promise<Effect[]> {
  const text = await readFile(effectsFile(stage, kind), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [schedule, at] = line.split(' ');
      return { schedule: schedule!, at: Number(at) };
    });
}

/** @returns how much later than due each handler was called @throws unless each schedule had its effect once */
function checkEffects(effects: readonly Effect[], wanted: readonly Wanted[]): number[] {
  const dueAt = new Map(wanted.map((one) => [one.name, one.dueAt]));
  const names = new Set(effects.map(({ schedule }) => schedule));
  if (effects.length !== wanted.length || names.size !== wanted.length)
    throw new Error(
      `${wanted.length} schedules had ${effects.length} effects, ${names.size} of them at least one`,
    );
  return effects.map(({ schedule, at }) => at - dueAt.get(schedule)!);
}

interface Firing {
  readonly fire_at: string;
  readonly outcome: string;
  readonly delay_ms: number | null;
  readonly task_id: string | null;
}

/** Reads the history of each schedule. @returns how late each was fired, ms @throws unless each was fired once, when it was due */
async function checkHistory({ api }: Stage, wanted: readonly Wanted[], kind: string): Promise<number[]> {
  const ids = await scheduleIds(api, kind);
  const tasks = new Set<string>();
  const delays = await sideBySide(READERS, wanted, async ({ name, dueAt }) => {
    const path = `/schedules/${ids.get(name)}/firings`;
    const { firings } = await ask<{ firings: readonly Firing[] }>(api, 'GET', path);
    const [firing] = firings;
    const isDue = firing?.outcome === 'fired' && Date.parse(firing.fire_at) === dueAt;
    if (firings.length !== 1 || !isDue)
      throw new Error(`${name}, due once at ${new Date(dueAt).toISOString()}: ${JSON.stringify(firings)}`);
    tasks.add(firing.task_id!);
    return firing.delay_ms!;
  });
  if (tasks.size !== wanted.length) throw new Error(`${wanted.length} schedules made ${tasks.size} tasks`);
  return delays;
}

interface SchedulePage {
  readonly schedules: readonly { readonly schedule_id: string; readonly name: string }[];
  readonly next_cursor: string | null;
}

async function scheduleIds(api: PublicApi, kind: string): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: SchedulePage = await ask(api, 'GET', `/schedules?limit=100${from}`);
    for (const { name, schedule_id: id } of page.schedules)
      if (name.startsWith(`${kind}-`)) ids.set(name, id);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return ids;
}

import type { Servers } from '../runs/servers.ts';
import { submit } from './client.ts';
import { listen, type HeardLine } from './listener.ts';
import type { Sizes } from './options.ts';
import { gateIn, onStage, settled, type Stage } from './stage.ts';

export interface HeardFigures {
  /** Lines per second that all listeners heard together, from the first that was said to the last that was heard. */
  readonly perSecond: number;
  /** From saying a line to hearing it, ms, of every line and listener. */
  readonly delays: readonly number[];
}

export interface LogsRound {
  /** One task says its lines as fast as it can, and all listeners follow it. */
  readonly oneTask: HeardFigures;
  /** As many tasks as listeners say them side by side; each is followed by one. */
  readonly taskEach: HeardFigures;
  /** One task says a line now and then, and all listeners follow it. */
  readonly now: HeardFigures;
}

/** How often a task speaks whose delay is measured, and for how long. */
export const SAID_EVERY_MS = 20;
const SAID_FOR_MS = 10_000;
export const LINE_BYTES = 40;
const WARM_UP_LINES = 2_000;

interface Speech {
  readonly tasks: number;
  readonly listenersEach: number;
  readonly lines: number;
  readonly everyMs: number;
}

export function measureLogs(servers: Servers, sizes: Sizes): Promise<LogsRound> {
  const { lines, listeners } = sizes;
  return onStage(servers, sizes, async (stage) => {
    const all = { tasks: 1, listenersEach: listeners, everyMs: 0 };
    await hear(stage, { ...all, lines: WARM_UP_LINES });
    const oneTask = await hear(stage, { ...all, lines });
    const each = Math.min(listeners, sizes.concurrency);
    const taskEach = await hear(stage, { tasks: each, listenersEach: 1, lines, everyMs: 0 });
    const paced = { lines: Math.min(lines, SAID_FOR_MS / SAID_EVERY_MS), everyMs: SAID_EVERY_MS };
    return { oneTask, taskEach, now: await hear(stage, { ...all, ...paced }) };
  });
}

/** Nothing is said before all listen. */
async function hear(stage: Stage, { tasks, listenersEach, lines, everyMs }: Speech): Promise<HeardFigures> {
  const gate = gateIn(stage);
  const parameters = { gate: gate.path, lines, everyMs, text: 'x'.repeat(LINE_BYTES) };
  const ids = await Promise.all(
    Array.from({ length: tasks }, () => submit(stage.api, { task_name: 'bench.talk', parameters })),
  );
  const listeners = ids.flatMap((id) => Array.from({ length: listenersEach }, () => listen(stage.api, id)));
  await Promise.all(listeners.map(({ started }) => started));
  await gate.open();
  const heard = await Promise.all(listeners.map((listener) => listener.heard));
  for (const each of heard) checkHeard(each, lines);
  await settled(stage);
  return figuresOf(heard.flat());
}

/** @throws unless every line was heard once, in the order in which they were said */
function checkHeard(heard: readonly HeardLine[], lines: number): void {
  if (heard.length !== lines) throw new Error(`of ${lines} lines ${heard.length} were heard`);
  heard.forEach(({ n }, index) => {
    if (n !== index) throw new Error(`line ${n} was heard in the place of ${index}`);
  });
}

function figuresOf(heard: readonly HeardLine[]): HeardFigures {
  let [first, last] = [Infinity, -Infinity];
  for (const { saidAt, heardAt } of heard) [first, last] = [Math.min(first, saidAt), Math.max(last, heardAt)];
  return {
    perSecond: (heard.length * 1000) / (last - first),
    delays: heard.map(({ saidAt, heardAt }) => heardAt - saidAt),
  };
}

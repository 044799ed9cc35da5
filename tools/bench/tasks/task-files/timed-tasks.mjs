import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';

const LOOK_EVERY_MS = 10;
/** A task that talks lets others speak after so many lines. */
const LINES_IN_A_BREATH = 50;

const now = () => performance.timeOrigin + performance.now();

async function opened(gate, sleep) {
  while (!existsSync(gate)) await sleep(LOOK_EVERY_MS);
}

/** Handlers of one worker process are numbered as they are called. */
let handled = 0;

/** Tasks whose order, moments and effects are looked at. A gate is a file: it is open once the file is there. */
export default ({ defineTask, z }) => {
  const ordered = (name, queue) =>
    defineTask({
      name,
      ...(queue && { queue }),
      description: 'Answers as which it was handled.',
      input: z.object({ payload: z.string() }),
      handler: () => (handled += 1),
    });
  return [
    ordered('bench.lines'),
    ordered('bench.levels', 'general'),
    defineTask({
      name: 'bench.hold',
      description: 'Keeps its slot until a gate is opened.',
      input: z.object({ gate: z.string() }),
      handler: ({ gate }, { sleep }) => opened(gate, sleep),
    }),
    defineTask({
      name: 'bench.fired',
      description: 'Has an effect that can be counted: a line in a file.',
      input: z.object({ schedule: z.string(), effects: z.string() }),
      handler: async ({ schedule, effects }) => {
        const at = now();
        await appendFile(effects, `${schedule} ${at}\n`);
      },
    }),
    defineTask({
      name: 'bench.talk',
      description: 'Says lines once a gate is opened, at once or in steps.',
      input: z.object({ gate: z.string(), lines: z.int(), everyMs: z.number(), text: z.string() }),
      handler: async ({ gate, lines, everyMs, text }, { log, sleep }) => {
        await opened(gate, sleep);
        for (let n = 0; n < lines; n += 1) {
          log.info(text, { n, at: now() });
          if (everyMs > 0) await sleep(everyMs);
          else if (n % LINES_IN_A_BREATH === 0) await new Promise(setImmediate);
        }
      },
    }),
  ];
};

/* Task files of the tests: what runs did is written down by the runs themselves, in a file that the platform knows nothing of. */
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** As far as these tasks need it. */
interface Context {
  readonly run: { readonly id: string; readonly organisationId: string };
  readonly signal: AbortSignal;
  readonly log: Readonly<Record<string, (message: unknown, fields?: unknown) => void>>;
  readonly progress: (percentage: number, message?: unknown, data?: unknown) => void;
}

/** What a task file is given, without its types: it is loaded as everybody's own are, by no import. */
interface Means {
  readonly defineTask: (task: object) => object;
  readonly z: Readonly<Record<string, (shape?: object) => { default(value: unknown): object }>>;
}

interface Effect {
  readonly sleepMs: number;
  readonly blockMs: number;
  readonly note: unknown;
}

/** Keeps the main loop busy without letting go of it once. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

function circle(): object {
  const it: Record<string, unknown> = { name: 'a circle' };
  it['self'] = it;
  return it;
}

function throwing(): object {
  const get = () => {
    throw new Error('do not look');
  };
  return Object.defineProperty({}, 'x', { enumerable: true, get });
}

const strange = (): [unknown, unknown][] => [
  ['', undefined],
  ['NUL \0 and half \ud83d of a pair', { '\0': '\0', '\udc00': 1n }],
  [circle(), circle()],
  [Symbol('s'), { symbol: Symbol('s'), run: () => 1 }],
  [null, null],
  ['an error', { error: new Error('outer', { cause: new AggregateError([new Error('inner')]) }) }],
  ['one that throws', throwing()],
  ['a list', [1, 2, NaN]],
];

function write(event: string, { run }: Context, note: unknown): void {
  const entry = { event, run: run.id, organisation: run.organisationId, pid: process.pid, note };
  appendFileSync(process.env['TASKS_LEDGER']!, `${JSON.stringify(entry)}\n`);
}

export default ({ defineTask, z }: Means) => [
  defineTask({
    name: 'test.effect',
    description: 'Takes its time, with or without letting go of the main loop, and has an effect.',
    input: z['object']!({
      sleepMs: z['number']!().default(0),
      blockMs: z['number']!().default(0),
      note: z['unknown']!(),
    }),
    handler: async ({ sleepMs, blockMs, note }: Effect, context: Context) => {
      write('started', context, note);
      block(blockMs);
      await pause(sleepMs, null, { signal: context.signal });
      write('ended', context, note);
      context.progress(100, String(note), { note });
      context.log['info']!('ended', { note });
      return { pid: process.pid, note };
    },
  }),
  defineTask({
    name: 'test.talk',
    description: 'Logs what nobody should log.',
    input: z['object']!({ secret: z['string']!() }),
    handler: ({ secret }: { secret: string }, { log, progress }: Context) => {
      for (const [message, fields] of strange()) {
        for (const level of ['debug', 'info', 'warn', 'error']) log[level]!(message, fields);
        progress(NaN, message, fields);
      }
      log['error']!(`a header Authorization: Bearer ${secret}`, {
        password: secret,
        url: `https://u:${secret}@h/`,
      });
      log['warn']!('nested', {
        request: { headers: { authorization: `Bearer ${secret}` } },
        api_key: secret,
      });
      // More than is kept of a run.
      log['info']!('x'.repeat(2_000_000), { long: 'y'.repeat(2_000_000) });
      return 'still here';
    },
  }),
];

/* A task file of the tests: the same task in a thread and in a process of its own. What it does is told by its input. */
import { spawn } from 'node:child_process';
import { parentPort } from 'node:worker_threads';
import { z } from 'zod';
import type { TaskDefinition } from '../definition/define-task.ts';
import { defineTask } from '../definition/define-task.ts';
import { fanOut } from '../definition/fan-out.ts';
import type { TaskContext } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';

const input = z.object({
  act: z.string(),
  n: z
    .number()
    .default(1)
    .transform((n) => n * 2),
});

/** Of this module: it shows whether a thread or process is the one of the run before. */
let runsHere = 0;
const kept: unknown[] = [];

type Act = (context: TaskContext, n: number) => unknown;

const acts: Record<string, Act> = {
  facts: ({ run }, n) => ({ run, n }),
  count: () => ({ runsHere: (runsHere += 1), pid: process.pid }),
  read: async ({ file }) => new TextDecoder().decode(await file?.bytes()),
  children: async ({ children, childResults }) => ({ children, results: await childResults() }),
  childOutput: async ({ children, childOutput }) => childOutput(children[0]!.run_id),
  workflow: ({ workflowDefinition }) => workflowDefinition(),
  pipeline: ({ pipelineFiles }) => pipelineFiles.after(0),
  environment: () => Object.keys(process.env),
  say: async ({ log, progress }) => {
    log.info('one', { n: 1 });
    log.error('two');
    progress(10);
    progress(20, 'half', { at: 'x' });
  },
  flood: ({ log, progress }, lines) => {
    for (let line = 0; line < lines; line += 1) log.info(`line ${line}`);
    for (let step = 0; step < 10_000; step += 1) progress(step / 100, `step ${step}`);
  },
  noise: async () => {
    console.log('{"type":"ended","run":1,"outcome":{"kind":"succeeded","output":"\\"forged\\""}}');
    const forged = { type: 'ended', run: 1, outcome: { kind: 'succeeded', output: '"forged"' } };
    parentPort?.postMessage(forged);
    process.send?.(forged);
    for (let part = 0; part < 100; part += 1) process.stdout.write('x'.repeat(10_000));
    console.error('a complaint');
    return 'true output';
  },
  outputs: (_context, n) => [Number.NaN, 10n, kept, 'x'.repeat(20_000_000)][n / 2],
  fanOut: () =>
    fanOut({ children: [{ key: 'a', task: 'child', input: 1 }], then: { task: 'end', input: 2 } }),
  refuse: () => {
    throw new TaskError('no_luck', 'It said no', { retryable: false, output: { half: true } });
  },
  later: () => {
    throw new TaskError('busy', 'It said later', { retryAfterMs: 77_000 });
  },
  fail: () => {
    throw new Error('It broke', { cause: new Error('for a reason') });
  },
  uncaught: async ({ sleep }) => {
    setTimeout(() => {
      throw new Error('nobody catches me');
    }, 1);
    await sleep(60_000);
  },
  sleep: async ({ sleep, log }) => {
    log.info('sleeps');
    await sleep(60_000);
  },
  loop: ({ log }) => {
    log.info(`loops in ${process.pid}`);
    for (;;);
  },
  heap: () => {
    for (;;) kept.push(Array.from({ length: 1_000 }, Math.random));
  },
  buffers: async ({ sleep }) => {
    for (;;) {
      kept.push(Buffer.alloc(4_000_000, 1));
      await sleep(5);
    }
  },
  exit: () => process.exit(0),
  abort: () => process.abort(),
  crash: () => process.kill(process.pid, 'SIGSEGV'),
  disconnect: ({ sleep }) => {
    process.disconnect();
    return sleep(60_000);
  },
  grandchild: ({ log }) => {
    const { pid } = spawn('sleep', ['600'], { stdio: 'inherit' });
    log.info(`started ${pid}`);
    for (;;);
  },
};

const common: Omit<TaskDefinition<typeof input>, 'name'> = {
  description: 'for tests',
  input,
  memoryMb: 128,
  retryIf: (error) => !(error instanceof Error && error.message === 'It broke'),
  handler: ({ act, n }, context) => acts[act]?.(context, n),
};

export default [
  defineTask({ ...common, name: 'in_thread', isolation: 'thread' }),
  defineTask({ ...common, name: 'in_process', isolation: 'process' }),
];

import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackendClient } from '@longshore/api-client';
import { ApiError, apiError } from '@longshore/contracts';
import type { Report, WorkflowDefinition } from '@longshore/contracts';
import { createMetrics, silentLogger, systemClock } from '@longshore/runtime';
import { z } from 'zod';
import type { TaskDefinition } from '../definition/define-task.ts';
import { defineTask } from '../definition/define-task.ts';
import { fanOut } from '../definition/fan-out.ts';
import { TaskError } from '../definition/task-error.ts';
import { createTaskSet } from '../definition/task-set.ts';
import type { InMemoryBackend, RunSpec } from '../in-memory-backend.fixture.ts';
import { SERVICE_KEY, startInMemoryBackend } from '../in-memory-backend.fixture.ts';
import { createRunnerMetrics } from './runner-metrics.ts';
import { createRunner } from './runner.ts';
import type { Session } from './session-link.ts';

const cleanups: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Handler = TaskDefinition<z.ZodType>['handler'];

const past = AbortSignal.abort();

async function register(backend: InMemoryBackend): Promise<string> {
  const before = backend.sessions.length;
  const response = await fetch(`${backend.baseUrl}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SERVICE_KEY}` },
    body: JSON.stringify({
      ...{
        worker: 'test',
        instance: 'test-1',
        hostname: 'here',
        pid: 1,
        contract_version: 1,
        queues: ['default'],
      },
      ...{ tasks: [], concurrency: 4, health_port: null },
    }),
  });
  const { session_id } = (await response.json()) as { session_id: string };
  expect(backend.sessions).toHaveLength(before + 1);
  return session_id;
}

/** A runner with one task whose handler is the test's, a real client, and the fake of the backend's contract. */
async function setup(handler: Handler, definition: Partial<TaskDefinition<z.ZodType>> = {}) {
  const backend = await startInMemoryBackend();
  cleanups.push(() => backend.close());
  const client = createBackendClient({
    baseUrl: backend.baseUrl,
    serviceKey: SERVICE_KEY,
    logger: silentLogger(),
    random: () => 0.01,
  });
  cleanups.push(() => client.close());
  const logger = silentLogger();
  const task = defineTask({ name: 'work', description: '', input: z.unknown(), ...definition, handler });
  const tasks = createTaskSet({ tasks: [task], groups: [], logger });
  const overdue: string[] = [];
  const runner = createRunner({
    ...{ tasks, client, logger, clock: systemClock, random: () => 0.5 },
    metrics: createRunnerMetrics(createMetrics(), () => 0),
    onChange: () => undefined,
    onHardLimit: (run) => overdue.push(run.run_id),
  });
  const newSession = async (): Promise<Session> => {
    const id = await register(backend);
    const controller = new AbortController();
    const session = {
      id,
      signal: controller.signal,
      lapse: (reason: string) => controller.abort(new Error(reason)),
    };
    runner.use(session);
    return session;
  };
  const session = await newSession();
  const run = async (spec: Partial<RunSpec> = {}): Promise<Report | undefined> => {
    const message = backend.parcel({ task: 'work', ...spec });
    await runner.handle(message);
    return backend.reports.find(({ run_id }) => run_id === message.run_ids[0]);
  };
  return { backend, runner, session, newSession, run, overdue };
}

describe('the runner', () => {
  it('claims, executes and reports the output', async () => {
    const { run } = await setup((input) => ({ got: input }));
    expect(await run({ input: { a: [1, 'zwei'] } })).toMatchObject({
      outcome: 'succeeded',
      epoch: 1,
      output: { inline: { got: { a: [1, 'zwei'] } } },
    });
  });

  it('tells a handler which run and attempt it is in', async () => {
    const { run } = await setup((_input, context) => context.run);
    const report = await run({ attempt: 2 });
    expect(report).toMatchObject({
      output: {
        inline: {
          id: report?.run_id,
          idempotencyKey: report?.run_id,
          task: 'work',
          attempt: 2,
          maxAttempts: 3,
        },
      },
    });
  });

  it('drops a message whose claim is refused', async () => {
    let handled = 0;
    const { backend, runner } = await setup(() => (handled += 1));
    const message = backend.parcel({ task: 'work' });
    await runner.handle(message);
    await runner.handle(message);
    expect(handled).toBe(1);
    expect(backend.reports).toHaveLength(1);
  });

  it('drops a second message of a dispatch that it still holds', async () => {
    const finish = Promise.withResolvers<void>();
    const { backend, runner } = await setup(() => finish.promise);
    const message = backend.parcel({ task: 'work' });
    const first = runner.handle(message);
    await runner.handle(message);
    expect(backend.calls.get('POST /v1/claims') ?? 0).toBeLessThanOrEqual(1);
    finish.resolve();
    await first;
    expect(backend.reports).toHaveLength(1);
  });

  it('executes the runs of a parcel one after the other, in its order', async () => {
    const order: unknown[] = [];
    let atOnce = 0;
    const { backend, runner } = await setup(async (input) => {
      expect((atOnce += 1)).toBe(1);
      order.push(input);
      await sleep(1);
      atOnce -= 1;
    });
    const message = backend.parcel(
      ...Array.from({ length: 20 }, (_value, index) => ({ task: 'work', input: index })),
    );
    await runner.handle(message);
    expect(order).toEqual(Array.from({ length: 20 }, (_value, index) => index));
    expect(backend.reports).toHaveLength(20);
  });

  it('needs far fewer calls than runs', async () => {
    const { backend, runner } = await setup(() => null);
    const spec = { task: 'work' };
    const parcels = Array.from({ length: 20 }, () =>
      backend.parcel(...Array.from({ length: 50 }, () => spec)),
    );
    await Promise.all(parcels.map((message) => runner.handle(message)));
    expect(backend.reports).toHaveLength(1000);
    const calls = (backend.calls.get('POST /v1/claims') ?? 0) + (backend.calls.get('POST /v1/reports') ?? 0);
    expect(calls).toBeLessThan(40);
  });

  it('claims once although the answer was lost', async () => {
    let handled = 0;
    const { backend, runner } = await setup(() => (handled += 1));
    let lost = 0;
    backend.state.loseAnswer = (path) => path === '/v1/claims' && (lost += 1) <= 2;
    await runner.handle(backend.parcel({ task: 'work' }));
    expect(handled).toBe(1);
    expect(backend.calls.get('POST /v1/claims')).toBe(3);
    expect(backend.reports).toHaveLength(1);
  });

  it('reports until it is heard', async () => {
    const { backend, run } = await setup(() => 'done');
    let calls = 0;
    backend.state.fault = (_method, path) => {
      if (path !== '/v1/reports') return undefined;
      calls += 1;
      return calls === 1 ? 'hang up' : calls <= 8 ? apiError('unavailable', 'restarting') : undefined;
    };
    expect(await run()).toMatchObject({ outcome: 'succeeded' });
  });

  it.each([500, 502, 503, 504])(
    'outlasts a proxy or a backend that answers everything with %i',
    async (status) => {
      const { backend, run } = await setup(() => 'done');
      let calls = 0;
      const error = new ApiError(status, [{ code: 'internal_error', detail: 'starting', attr: null }]);
      backend.state.fault = () => ((calls += 1) <= 6 ? error : undefined);
      expect(await run()).toMatchObject({ outcome: 'succeeded' });
      backend.state.fault = undefined;
      expect(backend.reports).toHaveLength(1);
      expect(backend.sessions).toHaveLength(1);
    },
  );
});

describe('a failing handler', () => {
  it('is reported in its own words, with its output, and tried again as it says', async () => {
    const { run } = await setup(() => {
      throw new TaskError('no_luck', 'It did not work', { output: { half: true } });
    });
    expect(await run()).toMatchObject({
      outcome: 'failed',
      error: { code: 'no_luck', message: 'It did not work' },
      output: { inline: { half: true } },
      retry_after_ms: 1500,
    });
  });

  it('waits longer before each attempt', async () => {
    const { run } = await setup(() => Promise.reject(new Error('down')));
    expect(await run({ attempt: 4 })).toMatchObject({ retry_after_ms: 12_000 });
  });

  it('is not tried again when it says so', async () => {
    const { run } = await setup(() => {
      throw new TaskError('unreadable', 'The file is empty', { retryable: false });
    });
    expect(await run()).toMatchObject({ outcome: 'failed', retry_after_ms: null, output: null });
  });

  it('may throw anything', async () => {
    const { run } = await setup((thrown) => Promise.reject(thrown as Error));
    for (const input of ['text', 7, null, { code: 'x' }]) {
      expect(await run({ input })).toMatchObject({ outcome: 'failed', error: { code: 'unexpected_error' } });
    }
  });

  it('shows no secret', async () => {
    const { run } = await setup(() => {
      throw new Error('connect postgres://user:hunter2hunter2@db/x failed', {
        cause: new Error('Bearer abcdef123456'),
      });
    });
    const text = JSON.stringify(await run());
    expect(text).toContain('caused by');
    expect(text).not.toMatch(/hunter2hunter2|abcdef123456/);
  });

  it('fails at once when its input does not fit, with the paths', async () => {
    const { run } = await setup(() => null, { input: z.object({ duration: z.number() }) });
    expect(await run({ input: { duration: 'long' } })).toMatchObject({
      outcome: 'failed',
      retry_after_ms: null,
      error: { code: 'invalid_input', message: expect.stringContaining('duration') },
    });
  });

  it('fails at once when this worker has no such task', async () => {
    const { run } = await setup(() => null);
    expect(await run({ task: 'unheard.of' })).toMatchObject({
      error: { code: 'unknown_task' },
      retry_after_ms: null,
    });
  });
});

describe('an output', () => {
  it('that is large goes to the file store, and the report carries a reference', async () => {
    const large = 'x'.repeat(100_000);
    const { backend, run } = await setup(() => ({ large }));
    const report = await run();
    expect(report).toMatchObject({ output: { ref: `outputs/${report?.run_id}-1`, size: 100_012 } });
    expect(JSON.parse(backend.outputs.get(report?.run_id ?? '')?.toString() ?? '')).toEqual({ large });
  });

  it('that cannot be stored is tried again', async () => {
    const { backend, run } = await setup(() => 'x'.repeat(100_000));
    backend.state.fault = (method) =>
      method === 'PUT' ? apiError('permission_denied', 'disk is read-only') : undefined;
    expect(await run()).toMatchObject({ outcome: 'failed', error: { code: 'output_not_stored' } });
  });

  it('of any strange kind is cleaned, or fails that run alone with the reason', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const deep = Array.from({ length: 20_000 }).reduce<unknown>((inner) => [inner], 'core');
    const outputs: Record<string, unknown> = {
      nul: 'a\0b',
      surrogate: 'a\uD800b',
      keys: { 'a\0': { 'b\uDC00': 1 } },
      nan: [Number.NaN, Infinity],
      nothing: undefined,
      date: new Date(0),
      escaped: 'a literal \\u0000 stays',
      list: [1, 2],
      bigint: 10n,
      circle,
      throwing: {
        toJSON: () => {
          throw new Error('no JSON for you');
        },
      },
      deep,
    };
    const { backend, runner } = await setup((name) => outputs[name as string]);
    const names = Object.keys(outputs);
    await runner.handle(backend.parcel(...names.map((input) => ({ task: 'work', input }))));
    const told = Object.fromEntries(
      backend.reports.map((report) => {
        const name = backend.runs.get(report.run_id)?.run.input as string;
        return [
          name,
          report.outcome === 'succeeded'
            ? report.output
            : report.outcome === 'failed'
              ? report.error.code
              : '',
        ];
      }),
    );
    expect(told).toEqual({
      nul: { inline: 'a\uFFFDb' },
      surrogate: { inline: 'a\uFFFDb' },
      keys: { inline: { 'a\uFFFD': { 'b\uFFFD': 1 } } },
      nan: { inline: [null, null] },
      nothing: { inline: null },
      date: { inline: '1970-01-01T00:00:00.000Z' },
      escaped: { inline: 'a literal \\u0000 stays' },
      list: { inline: [1, 2] },
      bigint: 'not_json',
      circle: 'not_json',
      throwing: 'not_json',
      deep: 'not_json',
    });
  });

  it('that the backend refuses fails its run alone; the others of the batch are stored', async () => {
    const { backend, runner } = await setup((input) => input);
    backend.state.fault = (_method, path, body) => {
      const isRefused = path === '/v1/reports' && String(body).includes('"poison"');
      return isRefused ? apiError('internal_error', 'database error') : undefined;
    };
    const inputs = [
      ...Array.from({ length: 30 }, (_value, index) => index),
      'poison',
      ...Array.from({ length: 19 }, () => 'ok'),
    ];
    await runner.handle(backend.parcel(...inputs.map((input) => ({ task: 'work', input }))));
    expect(backend.reports.filter(({ outcome }) => outcome === 'succeeded')).toHaveLength(49);
    const [failed] = backend.reports.filter(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({ error: { code: 'report_refused' }, retry_after_ms: null });
  });
});

describe('a fan-out', () => {
  const then = { task: 'finish', input: { all: true } };

  it('is reported with its children and what follows them', async () => {
    const file = '0199a000-0000-7000-8000-000000000001';
    const children = [
      { key: 'a', task: 'child', input: undefined, fileId: file },
      { key: 'b', task: 'child', queue: 'slow', input: { n: 1 } },
    ];
    const { run } = await setup(() => fanOut({ children, then, maxParallel: 4 }));
    expect(await run()).toMatchObject({
      outcome: 'fanned_out',
      children: [
        { key: 'a', task: 'child', input: null, file_id: file },
        { key: 'b', task: 'child', queue: 'slow', input: { n: 1 } },
      ],
      then,
      max_parallel: 4,
    });
  });

  it('may be empty', async () => {
    const { run } = await setup(() => fanOut({ children: [], then }));
    expect(await run()).toMatchObject({ outcome: 'fanned_out', children: [], max_parallel: null });
  });

  it('that is wrong fails the run with the reason', async () => {
    const twice = [
      { key: 'a', task: 'child', input: 1 },
      { key: 'a', task: 'child', input: 2 },
    ];
    const { run } = await setup(() => fanOut({ children: twice, then }));
    expect(await run()).toMatchObject({
      error: { code: 'invalid_fan_out', message: expect.stringContaining('two children have one key') },
    });
  });
});

describe('the context', () => {
  const bytes = Buffer.from('the content of the file');

  it('gives the bytes of a file, whether they came along or are fetched', async () => {
    const { run } = await setup(async (_input, { file }) =>
      Buffer.from((await file?.bytes()) ?? []).toString(),
    );
    for (const inline of [true, false]) {
      const report = await run({ file: { name: 'a.txt', bytes, inline } });
      expect(report).toMatchObject({ output: { inline: 'the content of the file' } });
    }
  });

  it('gives no bytes that are not the file', async () => {
    const { run } = await setup(async (_input, { file }) => (await file?.bytes())?.length);
    const report = await run({ file: { name: 'a.txt', bytes, sha256: '00'.repeat(32) } });
    expect(report).toMatchObject({ error: { code: 'file_damaged' } });
  });

  it('asks for the workflow of its execution once for all runs', async () => {
    const { backend, run } = await setup(async (_input, { workflowDefinition }) => workflowDefinition());
    const definition: WorkflowDefinition = { steps: [{ read: {} }] };
    const execution = backend.addExecution(definition);
    expect(await run({ execution })).toMatchObject({ output: { inline: definition } });
    expect(await run({ execution })).toMatchObject({ output: { inline: definition } });
    expect(backend.calls.get('GET /v1/workflow-versions/:id')).toBe(1);
  });

  it('knows of no workflow where there is none', async () => {
    const { run } = await setup(async (_input, { workflowDefinition }) => workflowDefinition());
    expect(await run()).toMatchObject({ error: { code: 'no_workflow' }, retry_after_ms: null });
  });

  it('tells progress and log lines, cleaned, without anybody waiting for them', async () => {
    const { backend, run, runner } = await setup((_input, { progress, log }) => {
      for (let step = 0; step <= 100; step += 1) progress(step, `step\0 ${step}`, { step });
      progress(Number.NaN, undefined, 10n);
      progress(250);
      log.info('one\uD800', { n: 1 });
      log.error('two', { big: 10n });
      return null;
    });
    const report = await run();
    await runner.stop(AbortSignal.timeout(2000));
    expect(backend.progress.at(-1)).toEqual({
      token: report?.token,
      percentage: 100,
      message: null,
      data: null,
    });
    expect(backend.progress.length).toBeLessThan(5);
    expect(backend.logLines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ['info', 'one\uFFFD', { n: 1 }],
      ['error', 'two', null],
    ]);
  });
});

describe('a run that is taken from its handler', () => {
  function heeding() {
    const started = Promise.withResolvers<void>();
    const reasons: unknown[] = [];
    const handler: Handler = (_input, { signal }) => {
      started.resolve();
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason);
        reject(signal.reason as Error);
      });
      return promise;
    };
    return { handler, started: started.promise, reasons };
  }

  it('by a cancel of this epoch hears its signal and is let go', async () => {
    const { handler, started, reasons } = heeding();
    const { backend, runner } = await setup(handler);
    const message = backend.parcel({ task: 'work' });
    const handled = runner.handle(message);
    await started;
    const run_id = message.run_ids[0] as string;
    runner.cancel([{ run_id, epoch: 2 }]);
    expect(reasons).toHaveLength(0);
    runner.cancel([{ run_id, epoch: 1 }]);
    await handled;
    expect(String(reasons[0])).toContain('cancelled');
    expect(backend.reports).toMatchObject([{ run_id, epoch: 1, outcome: 'released' }]);
  });

  it('by a cancel before its turn in the parcel is let go without being started', async () => {
    const finish = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const started: string[] = [];
    const { backend, runner } = await setup((_input, { run }) => {
      started.push(run.id);
      begun.resolve();
      return finish.promise;
    });
    const message = backend.parcel({ task: 'work' }, { task: 'work' }, { task: 'work' });
    const [first, second, third] = message.run_ids as [string, string, string];
    const handled = runner.handle(message);
    await begun.promise;
    runner.cancel([{ run_id: second, epoch: 1 }]);
    finish.resolve();
    await handled;
    expect(started).toEqual([first, third]);
    expect(backend.reports.map(({ run_id, outcome }) => [run_id, outcome]).sort()).toEqual(
      [
        [first, 'succeeded'],
        [second, 'released'],
        [third, 'succeeded'],
      ].sort(),
    );
  });

  it('by its soft limit is reported as such', async () => {
    const { handler } = heeding();
    const { run } = await setup(handler);
    const report = await run({ softLimitMs: 20 });
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'time_limit' } });
  });

  it('by its hard limit is reported, and the process is told', async () => {
    const { run, overdue } = await setup(() => new Promise(() => undefined));
    const report = await run({ hardLimitMs: 20 });
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'hard_limit' } });
    expect(overdue).toEqual([report?.run_id]);
  });

  it('by a lapse is not reported; the next session may claim it again at once', async () => {
    const { handler, started } = heeding();
    const { backend, runner, session, newSession } = await setup(handler);
    const message = backend.parcel({ task: 'work' });
    const handled = runner.handle(message);
    await started;
    backend.lapse(backend.session());
    session.lapse('not heard of');
    await handled;
    expect(backend.reports).toHaveLength(0);
    const waiting = runner.handle(backend.parcel({ task: 'work' }));
    await newSession();
    await runner.stop(past);
    await waiting;
  });

  it('by a session that is gone when it reports: nothing takes effect', async () => {
    const finish = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const { backend, runner, session } = await setup(() => {
      started.resolve();
      return finish.promise;
    });
    const handled = runner.handle(backend.parcel({ task: 'work' }));
    await started.promise;
    backend.lapse(backend.session());
    finish.resolve();
    await handled;
    expect(session.signal.aborted).toBe(true);
    expect(backend.reports).toHaveLength(0);
  });
});

describe('stopping', () => {
  it('waits for what runs', async () => {
    const finish = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    const { backend, runner } = await setup(() => {
      started.resolve();
      return finish.promise;
    });
    const handled = runner.handle(backend.parcel({ task: 'work' }));
    await started.promise;
    const stopped = runner.stop(AbortSignal.timeout(5000));
    finish.resolve('done');
    await Promise.all([handled, stopped]);
    expect(backend.reports).toMatchObject([{ outcome: 'succeeded', output: { inline: 'done' } }]);
  });

  it('gives back what is left at the deadline, and what of its parcel was not started', async () => {
    const started = Promise.withResolvers<void>();
    const { backend, runner } = await setup(() => {
      started.resolve();
      return new Promise(() => undefined);
    });
    const handled = runner.handle(backend.parcel({ task: 'work' }, { task: 'work' }, { task: 'work' }));
    await started.promise;
    await runner.stop(past);
    await handled;
    expect(backend.reports.map(({ outcome }) => outcome)).toEqual(['released', 'released', 'released']);
  });

  it('starts nothing more', async () => {
    let handled = 0;
    const { backend, runner } = await setup(() => (handled += 1));
    await runner.stop(AbortSignal.timeout(1000));
    await runner.handle(backend.parcel({ task: 'work' }));
    expect(handled).toBe(0);
  });
});

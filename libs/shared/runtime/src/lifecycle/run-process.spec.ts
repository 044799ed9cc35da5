import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { ConfigError } from '../config/config-error.ts';
import type { RootLogger } from '../logger/logger.ts';
import { silentLogger } from '../logger/logger.ts';
import type { Lifecycle, RunOptions } from './run-process.ts';
import { runProcess } from './run-process.ts';
import { SetUpError } from './set-up-error.ts';

function setup(options: Partial<RunOptions> = {}) {
  const events = new EventEmitter();
  const stdin = new PassThrough();
  const errors: string[] = [];
  const said: [string, Record<string, unknown> | undefined][] = [];
  const logger: RootLogger = {
    ...silentLogger(),
    info: (message, fields) => void said.push([message, fields]),
    error: (message, fields) => void said.push([message, fields]),
    close: async () => void said.push(['closed', undefined]),
  };
  const [exit, end] = [jest.fn<(code: number) => void>(), jest.fn<(code: number) => void>()];
  const writeError = (text: string) => void errors.push(text);
  const host = { events, stdin, exit, end, write: () => undefined, writeError };
  let monotonic = 0;
  const clock = { now: () => 0, monotonic: () => monotonic, sleep: () => Promise.resolve() };
  const started = Promise.withResolvers<Lifecycle>();
  const code = runProcess(
    {
      name: 'backend',
      logger,
      graceMs: 60_000,
      clock,
      ...options,
      start: async (lifecycle) => {
        await options.start?.(lifecycle);
        started.resolve(lifecycle);
      },
    },
    host,
  );
  const advance = (ms: number): void => void (monotonic += ms);
  const signal = (name: string): boolean => events.emit(name, name);
  const messages = (): string[] => said.map(([message]) => message);
  return {
    events,
    stdin,
    errors,
    said,
    messages,
    exit,
    end,
    code,
    started: started.promise,
    signal,
    advance,
  };
}

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'])('stops in order on %s and exits with 0', async (name) => {
    const order: string[] = [];
    const run = setup({
      start: (lifecycle) => {
        lifecycle.onStop('database', () => void order.push('database'));
        lifecycle.onStop('server', async () => {
          await new Promise(setImmediate);
          order.push('server');
        });
      },
    });
    const lifecycle = await run.started;
    expect(lifecycle.stopping).toBe(false);
    run.signal(name);
    expect(lifecycle.stopping).toBe(true);
    expect(lifecycle.signal.aborted).toBe(true);
    expect(await run.code).toBe(0);
    expect(order).toEqual(['server', 'database']);
    expect([run.end.mock.calls, run.exit.mock.calls]).toEqual([[[0]], []]);
    expect(run.messages()).toEqual(['stopping', 'exit', 'closed']);
  });

  it('listens to nobody any more once it has ended', async () => {
    const run = setup({ parentPipe: true });
    await run.started;
    run.signal('SIGTERM');
    await run.code;
    expect(run.events.eventNames()).toEqual([]);
    expect(run.stdin.listenerCount('close')).toBe(0);
  });

  it('is forced by a second signal, at once', async () => {
    const run = setup({
      start: (lifecycle) => lifecycle.onStop('hangs', () => new Promise(() => undefined)),
    });
    await run.started;
    run.signal('SIGTERM');
    run.signal('SIGTERM');
    expect(await run.code).toBe(1);
    expect(run.messages()).toContain('second signal');
    expect([run.end.mock.calls, run.exit.mock.calls]).toEqual([[], [[1]]]);
  });

  it('takes the two SIGINTs of one Ctrl-C under npm for one, and a later one for a second', async () => {
    const run = setup({
      start: (lifecycle) => lifecycle.onStop('hangs', () => new Promise(() => undefined)),
    });
    await run.started;
    run.signal('SIGINT');
    run.advance(50);
    run.signal('SIGINT');
    await new Promise(setImmediate);
    expect([run.end.mock.calls, run.exit.mock.calls]).toEqual([[], []]);
    run.advance(1000);
    run.signal('SIGINT');
    expect(await run.code).toBe(1);
  });

  it('tells its steps when the grace is over, and lets them give back what is left', async () => {
    const giveBack = jest.fn();
    const run = setup({
      graceMs: 10,
      start: (lifecycle) =>
        lifecycle.onStop('runs', async (deadline) => {
          expect(deadline.aborted).toBe(false);
          await once(deadline, 'abort');
          giveBack();
        }),
    });
    await run.started;
    run.signal('SIGTERM');
    expect(await run.code).toBe(0);
    expect(giveBack).toHaveBeenCalledTimes(1);
  });

  it('names the step that hangs beyond the deadline and exits with 1', async () => {
    const run = setup({
      graceMs: 5,
      handBackMs: 10,
      start: (lifecycle) => {
        lifecycle.onStop('never reached', () => undefined);
        lifecycle.onStop('the broker', () => new Promise(() => undefined));
      },
    });
    await run.started;
    run.signal('SIGTERM');
    expect(await run.code).toBe(1);
    const [, fields] = run.said.find(([message]) => message === 'stop took too long') ?? [];
    expect(fields).toMatchObject({ step: 'the broker' });
    expect(String(fields?.['error'])).toContain('"the broker" did not stop within 15 ms');
  });

  it('goes on stopping when a step fails, and exits with 1', async () => {
    const last = jest.fn();
    const run = setup({
      start: (lifecycle) => {
        lifecycle.onStop('last', last as () => void);
        lifecycle.onStop('broken', () => Promise.reject(new Error('boom')));
      },
    });
    await run.started;
    run.signal('SIGTERM');
    expect(await run.code).toBe(1);
    expect(last).toHaveBeenCalledTimes(1);
    expect(run.said).toContainEqual(['stop step failed', { step: 'broken', error: new Error('boom') }]);
  });

  it('told to stop while it starts, waits for the start and takes down what there is', async () => {
    const order: string[] = [];
    const entered = Promise.withResolvers<void>();
    const run = setup({
      start: async (lifecycle) => {
        lifecycle.onStop('first', () => void order.push('first stopped'));
        entered.resolve();
        await once(lifecycle.signal, 'abort');
        lifecycle.onStop('second', () => void order.push('second stopped'));
        order.push('start ended');
        lifecycle.signal.throwIfAborted();
      },
    });
    await entered.promise;
    run.signal('SIGTERM');
    expect(await run.code).toBe(0);
    expect(order).toEqual(['start ended', 'second stopped', 'first stopped']);
    expect(run.messages()).not.toContain('start failed');
  });

  it('whose start hangs ends all the same', async () => {
    const stopped = jest.fn();
    const entered = Promise.withResolvers<void>();
    const run = setup({
      graceMs: 5,
      start: (lifecycle) => {
        lifecycle.onStop('first', stopped as () => void);
        entered.resolve();
        return new Promise(() => undefined);
      },
    });
    await entered.promise;
    run.signal('SIGTERM');
    expect(await run.code).toBe(0);
    expect(stopped).toHaveBeenCalledTimes(1);
  });

  it('that cannot start takes down what there is and exits with 1', async () => {
    const stopped = jest.fn();
    const run = setup({
      start: (lifecycle) => {
        lifecycle.onStop('first', stopped as () => void);
        throw new Error('no database');
      },
    });
    expect(await run.code).toBe(1);
    expect(stopped).toHaveBeenCalledTimes(1);
    expect(run.said).toContainEqual([
      'start failed',
      { process: 'backend', error: new Error('no database') },
    ]);
  });

  it('that cannot start tells its parent why, which sees no log', async () => {
    const start = (): never => {
      throw new Error('no database');
    };
    const [child, alone] = [setup({ start, parentPipe: true }), setup({ start })];
    expect(await Promise.all([child.code, alone.code])).toEqual([1, 1]);
    expect([child.errors, alone.errors]).toEqual([['no database\n'], []]);
  });

  it('whose set-up is wrong exits with 78, at its start and later', async () => {
    const start = () => Promise.reject(new SetUpError('the key is for others'));
    expect(await setup({ start }).code).toBe(78);
    const run = setup();
    (await run.started).fail(new SetUpError('the key is for others'));
    expect(await run.code).toBe(78);
  });
  it('that fails later stops in order and exits with 1', async () => {
    const stopped = jest.fn();
    const run = setup({ start: (lifecycle) => lifecycle.onStop('first', stopped as () => void) });
    (await run.started).fail(new Error('lapsed'));
    expect(await run.code).toBe(1);
    expect(stopped).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['uncaughtException', 'uncaught exception'],
    ['unhandledRejection', 'unhandled rejection'],
  ])('ends at once on %s', async (event, message) => {
    const run = setup({
      start: (lifecycle) => lifecycle.onStop('hangs', () => new Promise(() => undefined)),
    });
    await run.started;
    run.events.emit(event, new Error('boom'));
    expect(await run.code).toBe(1);
    expect(run.said).toContainEqual([message, { process: 'backend', error: new Error('boom') }]);
    expect(run.messages().at(-1)).toBe('closed');
  });

  it('stops when the pipe of its parent ends, which is no second signal', async () => {
    const step = Promise.withResolvers<void>();
    const run = setup({
      parentPipe: true,
      start: (lifecycle) => lifecycle.onStop('slow', () => step.promise),
    });
    await run.started;
    run.stdin.write('whatever');
    run.stdin.end();
    await once(run.stdin, 'close');
    run.signal('SIGTERM');
    step.resolve();
    expect(await run.code).toBe(0);
    expect(run.said[0]).toMatchObject(['stopping', { reason: 'the parent is gone' }]);
  });

  it('does not care for its standard input otherwise', async () => {
    const run = setup();
    await run.started;
    run.stdin.end();
    run.stdin.resume();
    await once(run.stdin, 'close');
    expect([run.end.mock.calls, run.exit.mock.calls]).toEqual([[], []]);
    run.signal('SIGTERM');
    expect(await run.code).toBe(0);
  });
});

describe('a wrong configuration', () => {
  const wrong = new ConfigError([{ name: 'PORT', problem: 'is not a port' }]);

  it('found at the start is told on standard error, without a stack', async () => {
    const run = setup({
      start: () => {
        throw wrong;
      },
    });
    expect(await run.code).toBe(1);
    expect(run.errors).toEqual(['The configuration cannot be used:\n  PORT is not a port.\n']);
    expect(run.messages()).not.toContain('start failed');
  });

  it('found before there is a logger is told in the same way', async () => {
    const { host, said } = bareHost();
    const code = await runProcess(() => {
      throw wrong;
    }, host);
    expect([code, said]).toEqual([1, [`error ${wrong.message}\n`, 'end 1']]);
  });
});

describe('an answer to the command line', () => {
  it('goes to standard output, and nothing starts', async () => {
    const { host, said } = bareHost();
    expect(await runProcess(() => '1.2.3\n', host)).toBe(0);
    expect(said).toEqual(['text 1.2.3\n', 'end 0']);
  });
});

/** A process of which only the end is looked at. */
function bareHost() {
  const said: string[] = [];
  const host = {
    events: new EventEmitter(),
    stdin: new PassThrough(),
    write: (text: string) => void said.push(`text ${text}`),
    writeError: (text: string) => void said.push(`error ${text}`),
    end: (code: number) => void said.push(`end ${code}`),
    exit: (code: number) => void said.push(`exit ${code}`),
  };
  return { host, said };
}

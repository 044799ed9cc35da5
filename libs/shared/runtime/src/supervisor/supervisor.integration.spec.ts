import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../clock/clock.ts';
import { systemClock } from '../clock/clock.ts';
import { silentLogger } from '../logger/logger.ts';
import type { ChildSpec } from './child.ts';
import { ChildStartError } from './child.ts';
import type { Supervisor, SupervisorEvent, SupervisorOptions } from './supervisor.ts';
import { createSupervisor } from './supervisor.ts';

const supervisors: Supervisor[] = [];

afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) await supervisor.stopAll(AbortSignal.abort());
});

function setup(options: Partial<SupervisorOptions> = {}) {
  const bus = new EventEmitter();
  const events: SupervisorEvent[] = [];
  const supervisor = createSupervisor({
    logger: silentLogger(),
    restartDelayMs: 10,
    onEvent: (event) => {
      events.push(event);
      bus.emit('event', event);
    },
    ...options,
  });
  supervisors.push(supervisor);
  const seen = async (matches: (event: SupervisorEvent) => boolean): Promise<SupervisorEvent> => {
    for (;;) {
      const found = events.find(matches);
      if (found !== undefined) return found;
      await once(bus, 'event');
    }
  };
  return { supervisor, events, seen };
}

/** A child that runs this script, and what it says. */
function node(name: string, script: string, more: Partial<ChildSpec> = {}) {
  const bus = new EventEmitter();
  const lines: string[] = [];
  const stdout = (line: string): void => {
    lines.push(line);
    bus.emit('line', line);
  };
  const said = async (text: string): Promise<void> => {
    while (!lines.includes(text)) await once(bus, 'line');
  };
  const spec: ChildSpec = {
    name,
    command: process.execPath,
    args: ['-e', script],
    stdout,
    stderr: () => undefined,
  };
  return { spec: { ...spec, ...more }, lines, said };
}

const never = new AbortController().signal;
const POLITE = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); console.log('up'); setInterval(() => {}, 1e6);`;
const STUBBORN = `process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1e6);`;

/** A process that is dead but not buried (nobody asked for its exit code) does not live. */
function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform !== 'linux';
  }
}

describe('the supervisor', () => {
  it('runs a child with its environment, and hands on its lines', async () => {
    const { supervisor } = setup();
    const { spec, said } = node(
      'a',
      `console.log(process.env.WHO + process.env.LONGSHORE_PARENT_PIPE); ${POLITE}`,
      {
        env: { WHO: 'me' },
      },
    );
    const child = supervisor.add(spec);
    await said('metrue');
    expect(child.state).toBe('running');
    expect(isAlive(child.pid)).toBe(true);
  });

  it('starts a child again that died, and counts', async () => {
    const { supervisor, seen, events } = setup();
    const { spec } = node('a', 'process.exit(3)');
    const child = supervisor.add(spec);
    await seen((event) => event.type === 'started' && event.restarts === 2);
    expect(child.restarts).toBeGreaterThanOrEqual(2);
    expect(events.slice(0, 3)).toMatchObject([
      { type: 'started', restarts: 0 },
      { type: 'exited', exit: { code: 3 }, expected: false },
      { type: 'waiting', delayMs: 10 },
    ]);
  });

  it('waits ten seconds before it does, unless told otherwise', async () => {
    const slept: number[] = [];
    const sleep: Clock['sleep'] = async (ms, signal) => {
      slept.push(ms);
      await systemClock.sleep(60_000, signal);
    };
    const supervisor = createSupervisor({ logger: silentLogger(), clock: { ...systemClock, sleep } });
    supervisors.push(supervisor);
    const child = supervisor.add(node('a', '').spec);
    await child.exited;
    await new Promise(setImmediate);
    expect(slept).toEqual([10_000]);
    expect(child.state).toBe('waiting');
  });

  it('reports a crash loop after five restarts, and forgets it after five quiet minutes', async () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, monotonic: () => offset };
    const { supervisor, seen } = setup({ clock });
    const child = supervisor.add(node('a', 'process.exit(1)').spec);
    expect(child.crashLooping).toBe(false);
    expect(await seen((event) => event.type === 'crash-loop')).toMatchObject({ name: 'a', restarts: 5 });
    await child.stop(never);
    expect(child.crashLooping).toBe(true);
    offset = 5 * 60_000;
    expect(child.crashLooping).toBe(false);
  });

  it('tries one in a crash loop less often, but often enough that the loop does not seem to be over', async () => {
    let now = 0;
    const clock: Clock = {
      ...systemClock,
      monotonic: () => now,
      sleep: async (ms, signal) => {
        now += ms;
        await systemClock.sleep(0, signal);
      },
    };
    const { supervisor, seen, events } = setup({ clock, restartDelayMs: 10_000 });
    const child = supervisor.add({ ...node('a', '').spec, command: '/does/not/exist' });
    await seen((event) => event.type === 'started' && event.restarts === 30);
    const delays = events.flatMap((event) => (event.type === 'waiting' ? [event.delayMs / 1000] : []));
    expect(delays.slice(0, 8)).toEqual([10, 10, 10, 10, 10, 20, 40, 40]);
    expect(Math.max(...delays)).toBe(40);
    expect(child.crashLooping).toBe(true);
  });

  it('exchanges messages with a child that was given a channel, and knows when nobody gets them', async () => {
    const heard = Promise.withResolvers<unknown>();
    const { supervisor, seen } = setup({ restartDelayMs: 60_000 });
    const script = `process.on('message', (message) => { process.send({ got: message }); setTimeout(() => process.exit(), 10); });`;
    const child = supervisor.add({ ...node('a', script).spec, onMessage: heard.resolve });
    expect(child.send({ hello: 1 })).toBe(true);
    expect(await heard.promise).toEqual({ got: { hello: 1 } });
    await seen(({ type }) => type === 'waiting');
    expect(child.send({ hello: 2 })).toBe(false);
    const { spec, said } = node('b', POLITE);
    const deaf = supervisor.add(spec);
    await said('up');
    expect(deaf.send({ hello: 3 })).toBe(false);
  });

  it('stops all with SIGTERM, and starts none of them again', async () => {
    const { supervisor, events } = setup({ restartDelayMs: 0 });
    const children = [node('a', POLITE), node('b', POLITE)];
    for (const { spec, said } of children) {
      supervisor.add(spec);
      await said('up');
    }
    const pids = supervisor.children.map(({ pid }) => pid);
    await supervisor.stopAll(never);
    expect(children.map(({ lines }) => lines)).toEqual([
      ['up', 'bye'],
      ['up', 'bye'],
    ]);
    expect(supervisor.children.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
    expect(pids.some(isAlive)).toBe(false);
    expect(events.filter(({ type }) => type === 'started')).toHaveLength(2);
    expect(() => supervisor.add(node('c', POLITE).spec)).toThrow('has stopped');
  });

  it('kills those that are still there at the deadline, with what they started', async () => {
    const { supervisor } = setup();
    const grandchild = `const { spawn } = require('child_process');
      const c = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' });
      console.log('pid ' + c.pid); ${STUBBORN}`;
    const { spec, said, lines } = node('a', grandchild);
    const child = supervisor.add(spec);
    await said('up');
    const deadline = new AbortController();
    const stopped = child.stop(deadline.signal);
    await said('no');
    expect(child.state).toBe('stopping');
    deadline.abort();
    await stopped;
    expect(await child.exited).toMatchObject({ code: null, signal: 'SIGKILL' });
    const pid = Number(lines.find((line) => line.startsWith('pid '))?.slice(4));
    for (let tries = 0; isAlive(pid) && tries < 1_500; tries += 1) await systemClock.sleep(10);
    expect(isAlive(pid)).toBe(false);
  });

  it('stops a child that waits for its next start, and one that was stopped before', async () => {
    const { supervisor, seen } = setup({ restartDelayMs: 60_000 });
    const child = supervisor.add(node('a', '').spec);
    await seen(({ type }) => type === 'waiting');
    await child.stop(never);
    await child.stop(never);
    expect(child.state).toBe('stopped');
  });

  it('leaves processes alone that are not its own', async () => {
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
    const { supervisor } = setup();
    const { spec, said } = node('a', STUBBORN);
    supervisor.add(spec);
    await said('up');
    await supervisor.stopAll(AbortSignal.abort());
    expect(isAlive(stranger.pid)).toBe(true);
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
  });

  it('lets its children notice that it died', async () => {
    const program = `
      import { createSupervisor, silentLogger } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
      createSupervisor({ logger: silentLogger() }).add({
        name: 'a',
        command: process.execPath,
        args: ['-e', "process.stdin.resume().on('end', () => process.exit()); console.log(process.pid)"],
        stdout: (line) => console.log(line),
      });
    `;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(chunk.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    for (let tries = 0; isAlive(pid) && tries < 1_500; tries += 1) await systemClock.sleep(10);
    expect(isAlive(pid)).toBe(false);
  });

  it('refuses two children of one name', () => {
    const { supervisor } = setup();
    supervisor.add(node('a', POLITE).spec);
    expect(() => supervisor.add(node('a', POLITE).spec)).toThrow('already a child named a');
  });

  it('lives on when those who listen fail', async () => {
    const { supervisor, seen } = setup();
    const fail = (): never => {
      throw new Error('no');
    };
    supervisor.add({ ...node('a', 'console.log(1); console.error(2)').spec, stdout: fail, stderr: fail });
    await seen((event) => event.type === 'started' && event.restarts === 1);
  });
});

describe('a child that is not ready yet', () => {
  it('is ready when its probe says so', async () => {
    const { supervisor } = setup();
    const { spec, said } = node('a', POLITE);
    const child = supervisor.add(spec);
    await expect(child.untilReady(async () => said('up').then(() => 8000))).resolves.toBe(8000);
  });

  it('that exits first is told with its last lines, without secrets', async () => {
    const { supervisor } = setup({ restartDelayMs: 60_000 });
    const script = `for (let i = 0; i < 30; i++) console.error('line ' + i); console.error('redis://:hunter2@h'); process.exitCode = 7`;
    const child = supervisor.add(node('backend', script).spec);
    const aborted = Promise.withResolvers<void>();
    const probe = (signal: AbortSignal): Promise<never> =>
      new Promise(() => signal.addEventListener('abort', () => aborted.resolve()));
    const error = await child.untilReady(probe).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ChildStartError);
    await aborted.promise;
    const { message, exit } = error as ChildStartError;
    expect(exit).toMatchObject({ code: 7, signal: null });
    expect(exit.lastLines).toHaveLength(20);
    expect(message).toMatch(/^backend exited with code 7 before it was ready\nline 11\n/);
    expect(message).not.toContain('hunter2');
  });

  it('that cannot be started at all says so', async () => {
    const { supervisor } = setup({ restartDelayMs: 60_000 });
    const child = supervisor.add({ name: 'a', command: '/does/not/exist' });
    const ready = child.untilReady(() => new Promise(() => undefined));
    await expect(ready).rejects.toThrow(/a could not be started before it was ready\n.*ENOENT/);
  });

  it('that cannot even be tried to start says so', async () => {
    const spawnThatThrows = (): never => {
      throw new Error('spawn E2BIG');
    };
    const { supervisor } = setup({ restartDelayMs: 60_000, spawn: spawnThatThrows });
    const ready = supervisor.add({ name: 'a', command: 'x' }).untilReady(() => new Promise(() => undefined));
    await expect(ready).rejects.toThrow('E2BIG');
  });

  it('that was ready and dies later is none of this', async () => {
    const { supervisor, seen } = setup({ restartDelayMs: 60_000 });
    const child = supervisor.add(node('a', POLITE).spec);
    await child.untilReady(async () => 1);
    process.kill(child.pid as number, 'SIGKILL');
    await seen(({ type }) => type === 'waiting');
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
  });
});

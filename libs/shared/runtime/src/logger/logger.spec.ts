import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { LoggerOptions, RootLogger } from './logger.ts';
import { createLogger, silentLogger } from './logger.ts';
import { rotatingFile } from './rotating-file.ts';

const folders: string[] = [];

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'longshore-log-'));
  folders.push(made);
  return made;
}

afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true });
});

function setup(options: Partial<LoggerOptions> = {}): {
  logger: RootLogger;
  lines: () => Record<string, unknown>[];
} {
  let written = '';
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written += chunk.toString();
      done();
    },
  });
  const now = (): Date => new Date('2026-01-02T03:04:05.678Z');
  const logger = createLogger({ worker: 'general', level: 'debug', destination, now, ...options });
  const lines = (): Record<string, unknown>[] =>
    written
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, lines };
}

describe('the logger', () => {
  it('writes one line of JSON for one event, in order', () => {
    const { logger, lines } = setup();
    logger.info('run started', { run_id: 'r1', attempt: 2 });
    logger.error('run failed', { error: new Error('boom') });
    expect(lines()[0]).toEqual({
      time: '2026-01-02T03:04:05.678Z',
      level: 'info',
      worker: 'general',
      message: 'run started',
      run_id: 'r1',
      attempt: 2,
    });
    expect(Object.keys(lines()[0] ?? {}).slice(0, 4)).toEqual(['time', 'level', 'worker', 'message']);
    expect(lines()[1]).toMatchObject({ level: 'error', error: { message: 'boom' } });
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = setup({ level: 'warn' });
    logger.debug('a');
    logger.info('b');
    logger.infoSoon('b');
    logger.warn('c');
    logger.error('d');
    expect(lines().map(({ message }) => message)).toEqual(['c', 'd']);
  });

  it('hands the fields of a child on to its lines', () => {
    const { logger, lines } = setup();
    const child = logger.child({ run_id: 'r1', token: 'hunter2' }).child({ execution_id: 'e1' });
    child.info('x', { run_id: 'r2' });
    child.info('y');
    expect(lines()[0]).toMatchObject({ run_id: 'r2', execution_id: 'e1', token: '[redacted]' });
    expect(lines()[1]).toMatchObject({ run_id: 'r1', execution_id: 'e1' });
  });

  it('keeps fields from taking the place of what every line says', () => {
    const { logger, lines } = setup();
    logger.info('said', { level: 'fatal', message: 'other', time: 1, worker: 'w' });
    expect(lines()[0]).toMatchObject({
      level: 'info',
      message: 'said',
      worker: 'general',
      field_message: 'other',
    });
  });

  it('failure mode 20: shows no secret, in the message or in the fields', () => {
    const { logger, lines } = setup();
    const error = Object.assign(new Error('connect redis://:hunter2@h'), { config: { auth: 'hunter2' } });
    logger.info('with Bearer hunter2', { password: 'hunter2', error, url: 'postgres://u:hunter2@h/db' });
    expect(JSON.stringify(lines())).not.toContain('hunter2');
    expect(lines()).toHaveLength(1);
  });

  it('failure mode 20: never throws, whatever it is given', () => {
    const { logger, lines } = setup();
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const given: unknown[] = [
      circle,
      proxy,
      { big: 1n },
      undefined,
      null,
      'text',
      7,
      new Error('as fields'),
      ['list'],
      { text: 'x'.repeat(5_000_000) },
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'y'.repeat(10_000)])),
      {
        get bad(): never {
          throw new Error('no');
        },
      },
    ];
    for (const fields of given) {
      logger.info('given', fields as Record<string, unknown>);
      logger.child(fields as Record<string, unknown>).info('child');
    }
    logger.info(undefined as unknown as string);
    logger.info(Symbol('s') as unknown as string);
    logger.info({ toString: () => { throw new Error('no'); } } as unknown as string); // prettier-ignore
    expect(lines().filter(({ message }) => message === 'given')).toHaveLength(given.length);
    expect(Math.max(...lines().map((line) => JSON.stringify(line).length))).toBeLessThan(300_000);
  });

  it('writes what is said soon in one piece at the end of the turn, or before the next line', async () => {
    const { logger, lines } = setup();
    logger.infoSoon('one', { password: 'hunter2' });
    logger.child({ run_id: 'r1' }).infoSoon('two');
    expect(lines()).toEqual([]);
    await new Promise(setImmediate);
    expect(lines()).toMatchObject([
      { message: 'one', password: '[redacted]' },
      { message: 'two', run_id: 'r1' },
    ]);
    logger.infoSoon('three');
    logger.error('four');
    expect(lines().map(({ message }) => message)).toEqual(['one', 'two', 'three', 'four']);
    logger.infoSoon('five');
    await logger.close();
    expect(lines().at(-1)).toMatchObject({ message: 'five', level: 'info' });
  });

  it('lives on when nobody reads its output any more', async () => {
    const destination = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })),
    });
    const { logger } = setup({ destination });
    logger.info('one');
    await new Promise(setImmediate);
    logger.info('two');
    await new Promise(setImmediate);
  });

  it('is closed once its lines are written, and then drops others', async () => {
    const { logger, lines } = setup();
    logger.info('before');
    await logger.close();
    logger.info('after');
    expect(lines().map(({ message }) => message)).toEqual(['before']);
  });

  it('can be silent', () => {
    expect(() => silentLogger().child({ a: 1 }).error('x')).not.toThrow();
  });
});

describe('the log file', () => {
  it('has each line as soon as it was logged', () => {
    const dir = join(folder(), 'made', 'for it');
    const { logger, lines } = setup({ dir });
    logger.info('one');
    logger.child({ a: 1 }).warn('two');
    const inFile = readFileSync(join(dir, 'general.log'), 'utf8').trim().split('\n');
    expect(inFile.map((line) => JSON.parse(line) as unknown)).toEqual(lines());
  });

  it('stays in its folder, whatever the worker is called', () => {
    const dir = folder();
    const { logger } = setup({ dir, worker: '../../etc/x y' });
    logger.info('one');
    expect(readdirSync(dir)).toEqual(['__.._etc_x_y.log']);
  });

  it('is rotated when full, and the oldest goes', () => {
    const dir = folder();
    const path = join(dir, 'x.log');
    const errors: unknown[] = [];
    const file = rotatingFile({ path, maxBytes: 20, maxFiles: 3, onError: (error) => errors.push(error) });
    for (let index = 0; index < 10; index += 1) file.write(`line ${index}\n`);
    expect(readdirSync(dir).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
    expect(readFileSync(path, 'utf8')).toBe('line 8\nline 9\n');
    expect(readFileSync(`${path}.2`, 'utf8')).toBe('line 4\nline 5\n');
    expect(errors).toEqual([]);
  });

  it('goes on where the process before left off', () => {
    const path = join(folder(), 'x.log');
    writeFileSync(path, 'old\n');
    const file = rotatingFile({ path, maxBytes: 1000, maxFiles: 3, onError: () => undefined });
    file.write('new\n');
    expect(readFileSync(path, 'utf8')).toBe('old\nnew\n');
    expect(statSync(path).size).toBe(8);
  });

  it('that cannot be written is told once and stops nothing', () => {
    const inTheWay = join(folder(), 'file');
    writeFileSync(inTheWay, '');
    const { logger, lines } = setup({ dir: join(inTheWay, 'logs') });
    logger.info('one');
    logger.info('two');
    expect(
      lines()
        .map(({ message }) => message)
        .sort(),
    ).toEqual(['log file cannot be written', 'one', 'two']);
  });
});

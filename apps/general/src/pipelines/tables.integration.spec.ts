import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPlaces } from './places.ts';
import type { OpenedCredential, PipelineSummary, WorkflowDefinition } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { createFinishPipeline } from './finish-pipeline.ts';
import { createContext, EXECUTION, file, meansOf, run } from './pipelines.fixture.ts';
import { createPlanPipeline } from './plan-pipeline.ts';
import { queryOf, type Query } from './tables.fixture.ts';

let postgres: TestPostgres;
let url: URL;
let sql: Query;
let close: () => Promise<void>;

beforeAll(async () => {
  postgres = await startPostgres();
  url = new URL(await postgres.createDatabase('results'));
  ({ query: sql, close } = await queryOf(url.href));
});
afterAll(async () => {
  await close?.();
  await postgres?.stop();
});

const fields = {
  number: { type: 'string', label: 'No' },
  total: { type: 'number', label: 'Total' },
  day: { type: 'date', label: 'Day' },
  paid: { type: 'boolean', label: 'Paid' },
  'odd " name': { type: 'list', label: 'L' },
} as const;
const definitionOf = (some: object = fields, output_schema?: object) =>
  ({
    steps: [{ extract: { fields: some } }],
    ...(output_schema && { output_schema }),
  }) as unknown as WorkflowDefinition;
const RESULT = {
  number: "O'Neil; drop table x",
  total: 12.5,
  day: '2026-03-01',
  paid: true,
  'odd " name': [1, 'ü'],
};

interface Options {
  readonly table?: string;
  readonly columns?: Record<string, string>;
  readonly definition?: WorkflowDefinition;
  readonly output?: (id: string) => unknown;
  readonly executionId?: string;
  readonly values?: Record<string, string>;
  readonly hosts?: string[];
}

/** A pipeline that writes into a table of the test's database. */
function setup(options: Options = {}) {
  const { table = 'invoices', columns, definition = definitionOf(), output = () => RESULT } = options;
  const values = {
    ...{ host: url.hostname, port: url.port, user: url.username, password: decodeURIComponent(url.password) },
    ...{ database: url.pathname.slice(1), tls: 'off', ...options.values },
  };
  const credential: OpenedCredential = { type: 'postgresql', values };
  const backend = createContext({
    ...{ definition, output, credentials: { db: credential } },
    executionId: options.executionId ?? EXECUTION,
  });
  const means = meansOf({ hosts: options.hosts ?? [`${url.hostname}:${url.port}`] });
  const destination = { postgresql: { table, credential: 'db', ...(columns && { columns }) } };
  const summary = { skipped: { unchanged: 0, active_elsewhere: 0, failed_3_times: 0 }, skipped_files: [] };
  return {
    ...backend,
    finish: async (found = 1) =>
      (await run(
        createFinishPipeline(means),
        { pipeline_id: 'inbox', destination, found, ...summary },
        backend.context,
      )) as PipelineSummary,
    plan: () =>
      run(
        createPlanPipeline(means),
        {
          ...{ pipeline_id: 'inbox', destination, source: { https: ['http://127.0.0.1:1/a.txt'] } },
          ...{ force: false, max_parallel_files: 1 },
        },
        backend.context,
      ),
  };
}

describe('a table as the destination of a pipeline', () => {
  it('is made with a column for each field, and gets one row for each file', async () => {
    const { finish, holding } = setup({ table: 'Made "here"' });
    holding([file('a.txt'), file('sub/b.txt', { ordinal: 1 })]);
    expect(await finish(2)).toMatchObject({ succeeded: 2, failed: 0 });
    const rows = await sql(`select * from "Made ""here""" order by longshore_file`);
    expect(rows).toMatchObject([
      {
        ...{ longshore_execution_id: EXECUTION, longshore_file: 'a.txt', longshore_pipeline_id: 'inbox' },
        ...{ number: RESULT.number, total: '12.5', paid: true, 'odd " name': [1, 'ü'] },
      },
      { longshore_file: 'sub/b.txt' },
    ]);
    expect(await sql(`select day::text, pg_typeof(day)::text as type from "Made ""here""" limit 1`)).toEqual([
      { day: '2026-03-01', type: 'date' },
    ]);
  });

  it('failure mode 4: has one row although its worker died between the insert and the word of it', async () => {
    const first = setup({ table: 'crash' });
    first.holding([file('a.txt')]);
    const died = Object.assign(first.context.pipelineFiles, {
      settle: () => Promise.reject(new Error('the worker is dead')),
    });
    expect(died).toBe(first.context.pipelineFiles);
    await expect(first.finish()).rejects.toThrow('the worker is dead');
    expect(await sql('select 1 from crash')).toHaveLength(1);
    const second = setup({ table: 'crash', output: () => ({ ...RESULT, total: 13 }) });
    second.holding([file('a.txt')]);
    await expect(second.finish()).resolves.toMatchObject({ succeeded: 1 });
    expect(await sql('select total from crash')).toEqual([{ total: '13' }]);
    const later = setup({ table: 'crash', executionId: '01a20172-dd9d-7303-89fd-000000000002' });
    later.holding([file('a.txt')]);
    await later.finish();
    expect(await sql('select 1 from crash')).toHaveLength(2);
  });

  it('failure mode 4: has one row where two attempts write at the same moment', async () => {
    const attempts = Array.from({ length: 6 }, () => setup({ table: 'raced' }));
    for (const { holding } of attempts) holding([file('a.txt')]);
    await Promise.all(attempts.map(({ finish }) => finish()));
    expect(await sql('select 1 from raced')).toHaveLength(1);
  });

  it('gets a column when the workflow gets a field, and says which type has changed', async () => {
    const run1 = setup({ table: 'drift', definition: definitionOf({ number: fields.number }) });
    run1.holding([file('a.txt')]);
    await run1.finish();
    const run2 = setup({ table: 'drift', executionId: '01a20172-dd9d-7303-89fd-000000000003' });
    run2.holding([file('a.txt')]);
    await run2.finish();
    expect(await sql('select total from drift order by total')).toEqual([{ total: '12.5' }, { total: null }]);
    const changed = setup({ table: 'drift', definition: definitionOf({ total: fields.paid }) });
    changed.holding([file('a.txt')]);
    await expect(changed.finish()).rejects.toMatchObject({
      ...{ code: 'destination_failed', retryable: false },
      message: expect.stringContaining(
        'the column "total" is of type numeric and the workflow now says boolean',
      ),
    });
    expect(changed.told.settled).toEqual([]);
  });

  it('has the types that the output schema says', async () => {
    const definition = definitionOf(
      { day: fields.day },
      {
        properties: {
          ...{ count: { type: ['integer', 'null'] }, at: { type: 'string', format: 'date-time' } },
          ...{ lines: { type: 'array' }, day: { type: 'string' }, any: true },
        },
      },
    );
    const output = () => ({ count: 3, at: '2026-01-01T00:00:00Z', lines: [{ a: 1 }], any: 'x', day: null });
    const { finish, holding } = setup({ table: 'typed', definition, output });
    holding([file('a.txt')]);
    await finish();
    const types = await sql(
      `select column_name as name, udt_name as type from information_schema.columns
        where table_name = 'typed' and column_name not like 'longshore%' order by 1`,
    );
    expect(Object.fromEntries(types.map(({ name, type }) => [name, type]))).toEqual({
      ...{ count: 'int8', at: 'timestamptz', lines: 'jsonb', day: 'date', any: 'jsonb' },
    });
  });

  it('fails a file alone whose values do not fit', async () => {
    const { finish, holding, told } = setup({
      table: 'unfit',
      output: (id) => (id === 'id of b.txt' ? { ...RESULT, number: 'a\0b' } : RESULT),
    });
    holding([file('a.txt'), file('b.txt', { ordinal: 1 })]);
    expect(await finish(2)).toMatchObject({ succeeded: 1, failed: 1, undelivered: [{ file: 'b.txt' }] });
    expect(told.settled).toEqual([{ delivered: ['id of a.txt'], failed: [] }]);
  });
});

describe('a table that is there', () => {
  const columns = {
    run: '$execution_id',
    document: '$file',
    no: 'number',
    tags: 'odd " name',
    whole: '$output',
  };

  it('gets what is mapped to its columns', async () => {
    await sql(`create table mapped (id bigint generated always as identity primary key, run uuid, document text, no varchar(40),
                                    tags text[], whole json, other int default 7, unique (run, document))`);
    for (let time = 0; time < 2; time += 1) {
      const { finish, holding } = setup({ table: 'mapped', columns });
      holding([file('a.txt')]);
      await finish();
    }
    expect(await sql('select run, document, no, tags, whole, other from mapped')).toEqual([
      {
        ...{ run: EXECUTION, document: 'a.txt', no: RESULT.number, tags: ['1', 'ü'] },
        ...{ whole: RESULT, other: 7 },
      },
    ]);
  });

  it.each([
    [
      'lacks columns',
      'run uuid, document text, no text, tags text[], unique (run, document)',
      'has no column "whole"',
    ],
    [
      'has no key',
      'run uuid, document text, no text, tags text[], whole json',
      'needs a unique constraint on ("run", "document")',
    ],
  ])('but %s is told before anything is written', async (_what, definition, message) => {
    await sql(`drop table if exists lacking; create table lacking (${definition})`);
    const { finish, plan, holding, told } = setup({ table: 'lacking', columns });
    holding([file('a.txt')]);
    for (const act of [finish, plan])
      await expect(act()).rejects.toMatchObject({
        retryable: false,
        message: expect.stringContaining(message),
      });
    expect(await sql('select 1 from lacking')).toEqual([]);
    expect(told.settled).toEqual([]);
  });

  it('is not touched by a pipeline that does not name its columns', async () => {
    await sql('create table theirs (number text)');
    const { finish, holding } = setup({ table: 'theirs' });
    holding([file('a.txt')]);
    await expect(finish()).rejects.toThrow('is there, and no pipeline made it');
  });
});

describe('failure mode 13: a database that cannot be used', () => {
  it.each([
    ['refuses the password', { values: { password: 'wrong' } }, /password authentication failed/],
    ['is not there', { values: { database: 'nowhere' } }, /does not exist/],
    ['speaks no TLS', { values: { tls: 'verify' } }, /speaks no TLS/],
    ['is not allowed', { hosts: ['db.example.com'] }, /not among the allowed ones \(PIPELINE_HOSTS\)/],
    ['lies in an internal network', { hosts: ['*'], values: { port: '5432' } }, /not at a public address/],
  ])('and %s fails the execution with the reason', async (_what, options, message) => {
    const { plan, finish, holding } = setup(options);
    holding([file('a.txt')]);
    for (const act of [plan, finish]) {
      const error = (await act().catch((thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ code: 'destination_failed', retryable: false });
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain(decodeURIComponent(url.password));
    }
  });

  it('since nobody listens is tried again', async () => {
    const { plan } = setup({ values: { port: '1' }, hosts: [`${url.hostname}:1`] });
    await expect(plan()).rejects.toMatchObject({ code: 'destination_failed', retryable: true });
  });

  it('since its credential is gone fails the execution', async () => {
    const { plan, context } = setup();
    Object.assign(context.pipelineFiles, {
      credential: () => Promise.reject(Object.assign(new Error('none'), { status: 404 })),
    });
    await expect(plan()).rejects.toMatchObject({ code: 'credential_failed', retryable: false });
  });
});

describe('places', () => {
  it('are given to so many at once, then in turn, and to nobody who went away', async () => {
    const places = createPlaces(1);
    const { signal } = new AbortController();
    const leave = await places.take(signal);
    const impatient = new AbortController();
    const gone = places.take(impatient.signal);
    const next = places.take(signal);
    impatient.abort(new Error('enough'));
    await expect(gone).rejects.toThrow('enough');
    leave();
    leave();
    const after = places.take(signal);
    (await next)();
    (await after)();
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { apiError } from '@longshore/contracts';
import { fanOut } from '../definition/fan-out.ts';
import { runnersOfTest } from './runner.fixture.ts';

const { withHandler: setup } = runnersOfTest(afterEach);

describe('an output', () => {
  it('that is large goes to the file store, and the report carries a reference', async () => {
    const large = 'x'.repeat(100_000);
    const { backend, run } = await setup(() => ({ large }));
    const report = await run();
    expect(report).toMatchObject({ output: { ref: `outputs/${report?.run_id}-1`, size: 100_012 } });
    expect(JSON.parse(backend.outputs.get(report?.run_id ?? '')?.toString() ?? '')).toEqual({ large });
  });

  it('of 50 MB is no mistake: it goes to the file store whole, and a reference stands for it', async () => {
    const { backend, run } = await setup(() => 'x'.repeat(50_000_000));
    const report = await run();
    expect(report).toMatchObject({
      outcome: 'succeeded',
      output: { ref: `outputs/${report?.run_id}-1`, size: 50_000_002 },
    });
    const stored = backend.outputs.get(report?.run_id ?? '');
    expect(stored?.equals(Buffer.from(`"${'x'.repeat(50_000_000)}"`))).toBe(true);
  });

  it('of exactly 64 MiB is kept; one byte more fails its run alone, at once, as output_too_large', async () => {
    const most = 64 * 1024 * 1024;
    // The quotes count too.
    const { backend, run } = await setup((length) => 'x'.repeat((length as number) - 2));
    const kept = await run({ input: most });
    expect(kept).toMatchObject({ outcome: 'succeeded', output: { size: most } });
    expect(backend.outputs.get(kept?.run_id ?? '')).toHaveLength(most);
    const refused = await run({ input: most + 1 });
    const message = `The output has ${most + 1} bytes; at most ${most} are kept`;
    expect(refused).toMatchObject({
      outcome: 'failed',
      error: { code: 'output_too_large', message },
      retry_after_ms: null,
      output: null,
    });
    expect(backend.outputs.has(refused?.run_id ?? '')).toBe(false);
    expect(await run({ input: 10 })).toMatchObject({ outcome: 'succeeded', output: { inline: 'xxxxxxxx' } });
  });

  it('that cannot be stored is tried again', async () => {
    const { backend, run } = await setup(() => 'x'.repeat(100_000));
    backend.state.fault = (method) =>
      method === 'PUT' ? apiError('permission_denied', 'disk is read-only') : undefined;
    expect(await run()).toMatchObject({ outcome: 'failed', error: { code: 'output_not_stored' } });
  });

  it('failure mode 14: of any strange kind is cleaned, or fails that run alone with the reason', async () => {
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

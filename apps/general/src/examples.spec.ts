import { describe, expect, it } from '@jest/globals';
import type { Task, TaskContext } from '@longshore/tasks';
import { exampleDataProcessing, summarise } from './example-data-processing.ts';
import { exampleFailing } from './example-failing.ts';
import { exampleLongRunning } from './example-long-running.ts';
import { containers } from './programs/containers.ts';
import { diskSpace } from './programs/disk-space.ts';
import { tableSizes } from './programs/table-sizes.ts';

function contextOf({ attempt = 1, signal = new AbortController().signal } = {}) {
  const told: (number | null)[] = [];
  const context = {
    run: { attempt },
    signal,
    log: { info: () => undefined },
    progress: (percentage: number | null) => void told.push(percentage),
  } as unknown as TaskContext;
  return { context, told };
}

/** What it throws, to be looked at. */
function thrownBy(act: () => unknown): unknown {
  try {
    return void act();
  } catch (error) {
    return error;
  }
}

describe('example_data_processing', () => {
  const input = { csv: '', group_by: 'city', sum: 'amount', separator: ',' };

  it('adds up a column, in all and by group', () => {
    const csv = 'city,amount\nBern,1.5\nBasel,2\n\nBern,3\n';
    expect(summarise({ ...input, csv })).toEqual({
      rows: 3,
      sum: 6.5,
      groups: { Bern: { rows: 2, sum: 4.5 }, Basel: { rows: 1, sum: 2 } },
    });
  });

  it('reads quoted fields with separators, line ends and quotes in them', () => {
    const csv = 'amount;city\r\n1;"a;b\nc"\r\n2;"say ""hi"""\r\n';
    expect(summarise({ ...input, csv, separator: ';' }).groups).toEqual({
      'a;b\nc': { rows: 1, sum: 1 },
      'say "hi"': { rows: 1, sum: 2 },
    });
  });

  it('says which column is missing, and which value is no number', () => {
    expect(() => summarise({ ...input, csv: 'town,amount\n' })).toThrow(
      'no column "city"; there are: town, amount',
    );
    expect(() => summarise({ ...input, csv: 'city,amount\nBern,much' })).toThrow(
      '"amount" in row 2 is no number: "much"',
    );
    expect(() => summarise({ ...input, csv: 'city,amount\nBern' })).toThrow('is no number');
  });

  it('keeps a group that is called like a property of objects', () => {
    const { groups } = summarise({ ...input, csv: 'city,amount\nconstructor,1\n' });
    expect(groups).toEqual({ constructor: { rows: 1, sum: 1 } });
  });

  it('takes a comma as separator when none is given', () => {
    expect(exampleDataProcessing.parse({ csv: 'a', group_by: 'a', sum: 'a' })).toMatchObject({
      input: { separator: ',' },
    });
  });
});

describe('example_failing', () => {
  it.each([
    [1, 'fails'],
    [2, 'fails'],
    [3, 'succeeds'],
  ])('told to fail twice, at attempt %i it %s', (attempt, what) => {
    const act = () => exampleFailing.handle({ times: 2, retryable: true }, contextOf({ attempt }).context);
    if (what === 'succeeds') expect(act()).toEqual({ succeeded_at_attempt: 3 });
    else expect(thrownBy(act)).toMatchObject({ code: 'asked_to_fail', retryable: true });
  });
});

describe('example_long_running', () => {
  it('tells its progress and ends after its time', async () => {
    const { context, told } = contextOf();
    expect(await exampleLongRunning.handle({ duration: 0.05 }, context)).toEqual({ ran_seconds: 0.05 });
    expect(told.at(0)).toBe(0);
    expect(told.at(-1)).toBe(100);
  });

  it('stops at once when its signal aborts', async () => {
    const controller = new AbortController();
    const running = exampleLongRunning.handle(
      { duration: 3000 },
      contextOf({ signal: controller.signal }).context,
    );
    controller.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('every example', () => {
  it.each([
    [exampleDataProcessing, { csv: 'a', group_by: 'a', sum: 'a' }],
    [exampleFailing, {}],
    [exampleLongRunning, {}],
    [diskSpace, {}],
    [containers, {}],
    [tableSizes, {}],
  ])('refuses a parameter that it does not know', (task: Task, input: object) => {
    expect(task.parse(input)).toHaveProperty('input');
    expect(task.parse({ ...input, durration: 5 })).toHaveProperty(
      'problem',
      expect.stringContaining('durration'),
    );
    expect(task.descriptor.input_schema).toMatchObject({ additionalProperties: false });
  });
});

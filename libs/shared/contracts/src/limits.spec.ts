import { describe, expect, it } from '@jest/globals';
import { limitsOfUnknownFields, taskLimitsSchema, type TaskLimit } from './limits.ts';

const complaint = (limits: unknown) =>
  taskLimitsSchema
    .safeParse(limits)
    .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    .join('; ');

describe('limits of a task', () => {
  it('may be of the task, the organisation and fields of the input, several rates for one of them', () => {
    const limits: TaskLimit[] = [
      { per: 'task', concurrency: 4 },
      { per: 'organisation', concurrency: 2, rate: { runs: 10, per_ms: 1_000 } },
      { per: 'organisation', rate: { runs: 100, per_ms: 3_600_000 } },
      { per: 'input.account.customer_id', concurrency: 1 },
    ];
    expect(taskLimitsSchema.parse(limits)).toEqual(limits);
  });

  it.each([
    [
      [{ per: 'customer_id', concurrency: 1 }],
      /0\.per must be "task", "organisation" or a field of the input/,
    ],
    [[{ per: 'input.', concurrency: 1 }], /0\.per must be/],
    [[{ per: 'input.a..b', concurrency: 1 }], /0\.per must be/],
    [[{ per: 'task' }], /limits nothing/],
    [[{ per: 'task', concurrency: 0 }], /0\.concurrency/],
    [[{ per: 'task', concurrency: 1.5 }], /0\.concurrency/],
    [[{ per: 'task', rate: { runs: 10 } }], /0\.rate\.per_ms/],
    [[{ per: 'task', rate: { runs: 0, per_ms: 1_000 } }], /0\.rate\.runs/],
    [[{ per: 'task', rate: { runs: 1, per_ms: 5 } }], /0\.rate\.per_ms/],
    [[{ per: 'task', rate: { runs: 1, per_ms: 86_400_001 } }], /0\.rate\.per_ms/],
    [[{ per: 'task', concurency: 1 }], /concurency/],
    [
      [
        { per: 'task', concurrency: 1 },
        { per: 'task', concurrency: 2 },
      ],
      /1\.concurrency is a second concurrency per task/,
    ],
    [Array.from({ length: 9 }, () => ({ per: 'task', rate: { runs: 1, per_ms: 1_000 } })), /8/],
  ])('%j are refused, with the reason', (limits, reason) => {
    expect(complaint(limits)).toMatch(reason);
  });
});

describe('a limit per field', () => {
  const schema = {
    type: 'object',
    properties: {
      customer_id: { type: 'string' },
      account: { type: 'object', properties: { region: {} } },
      any: { type: 'object', properties: {}, additionalProperties: {} },
    },
    additionalProperties: false,
  };
  const unknown = (...pers: string[]) =>
    limitsOfUnknownFields(
      pers.map((per) => ({ per })),
      schema,
    );

  it('that the input cannot have is found', () => {
    expect(
      unknown('task', 'organisation', 'input.customer_id', 'input.account.region', 'input.any.thing'),
    ).toEqual([]);
    expect(unknown('input.customer', 'input.account.regoin', 'input.customer_id')).toEqual([
      'input.customer',
      'input.account.regoin',
    ]);
  });

  it('of an input that says nothing of its fields is taken', () => {
    expect(limitsOfUnknownFields([{ per: 'input.x' }], {})).toEqual([]);
    expect(
      limitsOfUnknownFields([{ per: 'input.x' }], { anyOf: [{ type: 'object', properties: {} }] }),
    ).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineTask } from './define-task.ts';
import type { Limit } from './task-limits.ts';

const define = (limits: unknown) =>
  defineTask({
    name: 'charge',
    description: 'Charges a customer',
    input: z.object({ customer_id: z.string(), account: z.object({ region: z.string() }).optional() }),
    limits: limits as Limit[],
    handler: () => null,
  });

describe('the limits of a task', () => {
  it('are told with its descriptor, per task when nothing else is said', () => {
    const { descriptor } = define([
      { concurrency: 4 },
      { per: 'organisation', concurrency: 2 },
      { per: 'input.customer_id', rate: { runs: 10, perMs: 1_000 } },
      { per: 'input.account.region', concurrency: 1 },
    ]);
    expect(descriptor.limits).toEqual([
      { per: 'task', concurrency: 4 },
      { per: 'organisation', concurrency: 2 },
      { per: 'input.customer_id', rate: { runs: 10, per_ms: 1_000 } },
      { per: 'input.account.region', concurrency: 1 },
    ]);
  });

  it('are not spoken of where there are none', () => {
    expect(define([]).descriptor).not.toHaveProperty('limits');
    expect(define(undefined).descriptor).not.toHaveProperty('limits');
  });

  it.each([
    [[{}], /limits\.0: limits nothing: give it a concurrency, a rate, or both/],
    [[{ per: 'customer_id', concurrency: 1 }], /limits\.0\.per: must be "task", "organisation" or a field/],
    [[{ concurrency: 0 }], /limits\.0\.concurrency/],
    [[{ rate: { runs: 10, per_ms: 1_000 } }], /limits\.0\.rate/],
    [[{ concurrency: 1 }, { concurrency: 2 }], /limits\.1\.concurrency: is a second concurrency per task/],
    [[{ per: 'input.customer', concurrency: 1 }], /its input has no field "customer"/],
    [{ concurrency: 1 }, /limits/],
  ])('%j are refused, and the message says what is wrong', (limits, reason) => {
    expect(() => define(limits)).toThrow(reason);
    expect(() => define(limits)).toThrow(/The task charge is defined wrongly/);
  });
});

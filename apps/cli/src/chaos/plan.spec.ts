import { describe, expect, it } from '@jest/globals';
import { chaosDocuments, makeFiles } from './documents.ts';
import { describeFault, faultKinds, wires } from './fault.ts';
import { planFaults } from './plan.ts';
import { createRandom } from './random.ts';
import { applyRequestSchema } from '@longshore/contracts';

const targets = ['backend-1', 'callback-2'];
const plan = (seed: number, durationMs = 60_000, kinds = faultKinds) =>
  planFaults({ random: createRandom(seed), durationMs, kinds, targets, wires });

describe('a plan of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  it('has every kind even when it is short, in time and in order', () => {
    for (const seed of [1, 2, 3, 4711, 2 ** 32 - 1]) {
      const faults = plan(seed, 30_000);
      expect(new Set(faults.map(({ fault }) => fault.kind))).toEqual(new Set(faultKinds));
      expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).sort((a, b) => a - b));
      expect(faults.every(({ atMs }) => atMs < 30_000)).toBe(true);
    }
  });

  it('keeps to the kinds that are asked for, and to the processes that there are', () => {
    const faults = planFaults({
      random: createRandom(5),
      durationMs: 600_000,
      kinds: ['kill', 'freeze'],
      targets,
      wires,
    });
    for (const { fault } of faults) {
      expect(['kill', 'freeze']).toContain(fault.kind);
      expect(targets).toContain((fault as { target: string }).target);
    }
    expect(new Set(faults.map(({ fault }) => describeFault(fault))).size).toBeGreaterThan(10);
  });

  it('never freezes for longer than half of its time', () => {
    const freezes = plan(9, 4_000).flatMap(({ fault }) => (fault.kind === 'freeze' ? [fault.forMs] : []));
    expect(freezes.every((ms) => ms <= 2_000)).toBe(true);
  });

  it('says each fault in words', () => {
    for (const { fault } of plan(3, 600_000)) expect(describeFault(fault)).not.toContain('undefined');
  });
});

describe('random numbers of a seed', () => {
  it('spread over their range', () => {
    const random = createRandom(0);
    const drawn = Array.from({ length: 6_000 }, () => random.between(1, 6));
    for (const face of [1, 2, 3, 4, 5, 6]) {
      expect(drawn.filter((one) => one === face).length).toBeGreaterThan(850);
    }
    expect(random.shuffle([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});

describe('the files', () => {
  it('differ in content between requests, and are the same again for the same seed', () => {
    const contents = [...makeFiles('c1', createRandom(1)), ...makeFiles('c2', createRandom(1))];
    expect(new Set(contents.map(({ content }) => content)).size).toBe(
      new Set(contents.map(({ output, name }) => output?.number ?? name)).size,
    );
    expect(makeFiles('c1', createRandom(1))).toEqual(makeFiles('c1', createRandom(1)));
  });

  it('go to a deployment that the platform takes', () => {
    expect(applyRequestSchema.safeParse({ organisation: 'default', documents: chaosDocuments }).success).toBe(
      true,
    );
  });
});

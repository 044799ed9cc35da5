import type { Fault, FaultKind } from './fault.ts';
import type { Random } from './random.ts';

export interface PlannedFault {
  /** Since the load began, milliseconds. */
  readonly atMs: number;
  readonly fault: Fault;
}

export interface PlanOptions {
  random: Random;
  durationMs: number;
  /** At least one. */
  kinds: readonly FaultKind[];
  /** Names of the processes that may be killed and frozen. */
  targets: readonly string[];
}

/** From one fault to the next: often before the last one is over. */
const SHORTEST_GAP_MS = 1_500;
const LONGEST_GAP_MS = 4_500;
/** Longer than the 15 s after which a worker is given up: some come back from the dead. */
const LONGEST_FREEZE_MS = 20_000;

/**
 * What happens when. The same random numbers give the same plan. The kinds come in shuffled rounds, so that even a short plan
 * has each of them, as far as there is time.
 */
export function planFaults({ random, durationMs, kinds, targets }: PlanOptions): PlannedFault[] {
  const plan: PlannedFault[] = [];
  let round: FaultKind[] = [];
  let atMs = random.between(SHORTEST_GAP_MS, LONGEST_GAP_MS);
  while (atMs < durationMs) {
    if (round.length === 0) round = random.shuffle(kinds);
    plan.push({ atMs, fault: makeFault(round.pop()!, { random, durationMs, targets }) });
    atMs += random.between(SHORTEST_GAP_MS, LONGEST_GAP_MS);
  }
  return plan;
}

type Choices = Pick<PlanOptions, 'random' | 'durationMs' | 'targets'>;

function makeFault(kind: FaultKind, { random, durationMs, targets }: Choices): Fault {
  switch (kind) {
    case 'kill':
      return { kind, target: random.pick(targets) };
    case 'freeze': {
      const longest = Math.max(1_000, Math.min(LONGEST_FREEZE_MS, durationMs / 2));
      return { kind, target: random.pick(targets), forMs: random.between(1_000, longest) };
    }
    case 'redis': {
      const how = random.pick(['flush', 'restart', 'down'] as const);
      return how === 'down' ? { kind, how, forMs: random.between(1_000, 6_000) } : { kind, how };
    }
    case 'postgres':
      return { kind, how: random.pick(['restart', 'crash'] as const) };
    case 'network':
      return networkFault(random);
    case 'repeat':
      return { kind, messages: random.between(10, 60) };
  }
}

function networkFault(random: Random): Fault {
  const how = random.pick(['cut', 'blackhole', 'delay'] as const);
  switch (how) {
    case 'cut':
      return { kind: 'network', how };
    case 'blackhole':
      return { kind: 'network', how, forMs: random.between(1_000, 8_000) };
    case 'delay':
      return {
        kind: 'network',
        how,
        forMs: random.between(2_000, 8_000),
        byMs: random.between(50, 800),
      };
  }
}

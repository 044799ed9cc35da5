import type { Fault, FaultKind, Wire } from './fault.ts';
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
  /** The wires that may be broken. */
  wires: readonly Wire[];
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
export function planFaults({ durationMs, kinds, ...choices }: PlanOptions): PlannedFault[] {
  const { random } = choices;
  const plan: PlannedFault[] = [];
  let round: FaultKind[] = [];
  let atMs = random.between(SHORTEST_GAP_MS, LONGEST_GAP_MS);
  while (atMs < durationMs) {
    if (round.length === 0) round = random.shuffle(kinds);
    plan.push({ atMs, fault: makeFault(round.pop()!, { ...choices, durationMs }) });
    atMs += random.between(SHORTEST_GAP_MS, LONGEST_GAP_MS);
  }
  return plan;
}

type Choices = Omit<PlanOptions, 'kinds'>;

function makeFault(kind: FaultKind, { random, durationMs, targets, wires }: Choices): Fault {
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
      return networkFault(random, random.pick(wires));
    case 'repeat':
      return { kind, messages: random.between(10, 60) };
  }
}

/** Each connection of the platform notices a silent one within 20 s; shorter silences have to be sat out. */
function networkFault(random: Random, wire: Wire): Fault {
  const how = random.pick(['cut', 'blackhole', 'delay'] as const);
  switch (how) {
    case 'cut':
      return { kind: 'network', wire, how };
    case 'blackhole':
      return { kind: 'network', wire, how, forMs: random.between(1_000, 8_000) };
    case 'delay':
      return {
        kind: 'network',
        wire,
        how,
        forMs: random.between(2_000, 8_000),
        byMs: random.between(50, 800),
      };
  }
}

import { duration } from '../output/duration.ts';

/** What can be done to a platform, as `--faults` names it. */
export const faultKinds = Object.freeze([
  'kill',
  'freeze',
  'redis',
  'postgres',
  'network',
  'repeat',
] as const);
export type FaultKind = (typeof faultKinds)[number];

/** What can be broken between processes: from clients and workers to the backends, and from everyone to the stores. */
export const wires = Object.freeze(['backends', 'redis', 'postgres'] as const);
export type Wire = (typeof wires)[number];

/** One fault. `target` is the name of a process; times in milliseconds. */
export type Fault =
  /** SIGKILL; the supervisor starts it again. */
  | { readonly kind: 'kill'; readonly target: string }
  /** SIGSTOP, later SIGCONT. */
  | { readonly kind: 'freeze'; readonly target: string; readonly forMs: number }
  /** Emptied while it runs, killed and started again empty at once, or after a time. */
  | { readonly kind: 'redis'; readonly how: 'flush' | 'restart' }
  | { readonly kind: 'redis'; readonly how: 'down'; readonly forMs: number }
  /** `restart` ends sessions in order, `crash` is recovered from its log. */
  | { readonly kind: 'postgres'; readonly how: 'restart' | 'crash' }
  /** Connections cut, or nothing passes, or everything late. */
  | { readonly kind: 'network'; readonly wire: Wire; readonly how: 'cut' }
  | { readonly kind: 'network'; readonly wire: Wire; readonly how: 'blackhole'; readonly forMs: number }
  | {
      readonly kind: 'network';
      readonly wire: Wire;
      readonly how: 'delay';
      readonly forMs: number;
      readonly byMs: number;
    }
  /** This many messages of the broker delivered once more, those of finished work too. */
  | { readonly kind: 'repeat'; readonly messages: number };

/** A fault in a few words. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 ${fault.target}`;
    case 'freeze':
      return `freeze ${fault.target} for ${duration(fault.forMs)}`;
    case 'redis':
      return describeRedis(fault);
    case 'postgres':
      return fault.how === 'restart' ? 'postgres: restarted' : 'postgres: crashed';
    case 'network':
      return describeNetwork(fault);
    case 'repeat':
      return `repeat up to ${fault.messages} messages of the broker`;
  }
}

function describeRedis(fault: Extract<Fault, { kind: 'redis' }>): string {
  switch (fault.how) {
    case 'flush':
      return 'redis: FLUSHALL';
    case 'restart':
      return 'redis: killed, started again empty';
    case 'down':
      return `redis: away for ${duration(fault.forMs)}`;
  }
}

function describeNetwork(fault: Extract<Fault, { kind: 'network' }>): string {
  switch (fault.how) {
    case 'cut':
      return `network: all connections to ${fault.wire} cut`;
    case 'blackhole':
      return `network: nothing passes to ${fault.wire} for ${duration(fault.forMs)}`;
    case 'delay':
      return `network: everything to ${fault.wire} ${duration(fault.byMs)} late for ${duration(fault.forMs)}`;
  }
}

import { jsonOfText } from '../execution/clean-json.ts';
import type { Outcome } from '../execution/outcome.ts';
import type { WireOutcome } from './messages.ts';

export function toWire(outcome: Outcome): WireOutcome {
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'succeeded', output: outcome.output.text };
    case 'failed':
      return { ...outcome, output: outcome.output?.text ?? null };
    case 'fanned_out':
      return outcome;
  }
}

export function fromWire(outcome: WireOutcome): Outcome {
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'succeeded', output: jsonOfText(outcome.output) };
    case 'failed':
      return { ...outcome, output: outcome.output === null ? null : jsonOfText(outcome.output) };
    case 'fanned_out':
      return outcome;
  }
}

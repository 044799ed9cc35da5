import { sourcesOf, type WorkflowField } from '@longshore/contracts';
import { cleanJson } from '../values/clean.ts';
import type { LocaleHabits } from '../values/locale-habits.ts';
import { compileChecks } from './checks.ts';
import { compileExpression, ExpressionError } from './expression.ts';
import {
  conversionComplaint,
  type Complaint,
  type FieldProblem,
  type FieldResult,
  type Findings,
} from './found.ts';
import type { LabelTests } from './label-tests.ts';
import { describeRule } from './rule-name.ts';
import { compileSource, type Source } from './source.ts';

/** What is in the output under the name of a field, and what is to be told about it. */
export interface FieldOutcome {
  readonly value?: unknown;
  readonly problems: readonly FieldProblem[];
  /** What each source that was looked at came to, in their order; the one that gave the value first. */
  readonly tried: readonly TriedSource[];
}

/** A source, as it was asked, and what it came to. */
export interface TriedSource {
  readonly source: Source;
  readonly result: FieldResult;
}

/** One field, ready for many files. Both functions throw ExpressionLimitError when an expression takes too much. */
export interface CompiledField {
  readonly name: string;
  readonly read: (findings: Findings) => Promise<FieldOutcome>;
  /** Makes the field's checks, once all fields are known. */
  readonly check: (value: unknown, findings: Findings) => Promise<FieldProblem[]>;
}

interface FieldOptions {
  readonly tests: LabelTests;
  readonly written: WorkflowField;
  readonly habits?: LocaleHabits | undefined;
}

type Condition = (findings: Findings) => Promise<boolean>;

/**
 * Prepares one field: its condition, its sources in their order, and its checks. `written` is the field as it stands in
 * the workflow, without what a request put in.
 */
export function compileField(
  name: string,
  field: WorkflowField,
  { tests, written, habits }: FieldOptions,
): CompiledField {
  const checks = compileChecks(name, field);
  const applies = compileCondition(name, field.when);
  const sources = sourcesOf(field).map((source) => ({
    source,
    applies: compileCondition(name, field.from === undefined ? undefined : source.when),
    read: compileSource(field, source, { name, tests, habits, fits: checks.fits }),
  }));
  const settle = settled(name, written);
  const read = async (findings: Findings): Promise<FieldOutcome> => {
    try {
      if (applies !== undefined && !(await applies(findings))) return { problems: [], tried: [] };
      const results: TriedSource[] = [];
      for (const source of sources) {
        if (source.applies !== undefined && !(await source.applies(findings))) continue;
        const found = source.read(findings);
        const result = cleaned(name, found instanceof Promise ? await found : found);
        const tried = { source: source.source, result };
        if (isValid(result, checks.fits)) return settle([tried]);
        results.push(tried);
      }
      return settle(results);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      const { message } = error;
      return { problems: [{ field: name, reason: 'expression', outcome: 'fail', message }], tried: [] };
    }
  };
  return { name, read, check: checks.problems };
}

function isValid({ value, complaints }: FieldResult, fits: (value: unknown) => boolean): boolean {
  return value !== undefined && complaints.length === 0 && fits(value);
}

/** Without an answer to its condition nobody knows what a field should be, so that is no mere problem. */
class ConditionError extends Error {}

function compileCondition(name: string, text: string | undefined): Condition | undefined {
  if (text === undefined) return undefined;
  const evaluate = compileExpression(text);
  return async (findings) => {
    try {
      return isTrue(await evaluate(findings));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new ConditionError(`${name}: its condition ${error.message}.`);
    }
  };
}

/** As JSONata counts it: nothing, zero, and what is empty are false. */
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isTrue);
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

/** Of the results of all sources, none of which was without fault: the first value, else the first complaint. */
function settled(name: string, field: WorkflowField): (tried: readonly TriedSource[]) => FieldOutcome {
  const missing: Complaint = {
    field: name,
    reason: 'missing',
    message: `${name} is required, but was not found by its ${sourcesOf(field).map(describeRule).join(' or ')}.`,
  };
  const judge = judgement(field);
  return (tried) => {
    const best = tried.find(({ result }) => result.value !== undefined);
    if (best !== undefined) {
      const { value, complaints } = best.result;
      return {
        value,
        problems: complaints.map(judge),
        tried: [best, ...tried.filter((one) => one !== best)],
      };
    }
    const complaints = tried.find(({ result }) => result.complaints.length > 0)?.result.complaints ?? [];
    const none = complaints.length === 0 && field.required === true;
    return { problems: (none ? [missing] : complaints).map(judge), tried };
  };
}

/** A value of the wrong type counts as absent, which only a field that is required must not be. */
function judgement({ required }: WorkflowField): (complaint: Complaint) => FieldProblem {
  return (complaint) => ({
    ...complaint,
    outcome: complaint.reason === 'missing' || required === true ? 'fail' : 'problem',
  });
}

function cleaned(name: string, result: FieldResult): FieldResult {
  if (result.value === undefined) return result;
  try {
    return { ...result, value: cleanJson(result.value) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { complaints: [...result.complaints, conversionComplaint(name, error.message)] };
  }
}

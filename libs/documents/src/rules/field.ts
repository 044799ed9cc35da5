import { sourcesOf, type WorkflowField } from '@longshore/contracts';
import { cleanJson } from '../values/clean.ts';
import { compileChecks } from './checks.ts';
import { compileExpression, ExpressionError } from './expression.ts';
import {
  conversionComplaint,
  type Complaint,
  type FieldProblem,
  type FieldResult,
  type Findings,
} from './found.ts';
import type { LabelTests } from './label.ts';
import { compileSource, type Source } from './source.ts';

/** What is in the output under the name of a field, and what is to be told about it. */
export interface FieldOutcome {
  readonly value?: unknown;
  readonly problems: readonly FieldProblem[];
}

/** One field, ready for many files. Both functions throw ExpressionLimitError when an expression takes too much. */
export interface CompiledField {
  readonly name: string;
  readonly read: (findings: Findings) => Promise<FieldOutcome>;
  /** Makes the field's checks, once all fields are known. */
  readonly check: (value: unknown, findings: Findings) => Promise<FieldProblem[]>;
}

type Condition = (findings: Findings) => Promise<boolean>;

/**
 * Prepares one field: its condition, its sources in their order, and its checks. `written` is the field as it stands in
 * the workflow, without what a request put in.
 */
export function compileField(
  name: string,
  field: WorkflowField,
  { tests, written }: { tests: LabelTests; written: WorkflowField },
): CompiledField {
  const checks = compileChecks(name, field);
  const applies = compileCondition(name, field.when);
  const sources = sourcesOf(field).map((source) => ({
    applies: compileCondition(name, field.from === undefined ? undefined : source.when),
    read: compileSource(field, source, { name, tests, fits: checks.fits }),
  }));
  const settle = settled(name, written);
  const read = async (findings: Findings): Promise<FieldOutcome> => {
    try {
      if (applies !== undefined && !(await applies(findings))) return { problems: [] };
      const results: FieldResult[] = [];
      for (const source of sources) {
        if (source.applies !== undefined && !(await source.applies(findings))) continue;
        const found = source.read(findings);
        const result = cleaned(name, found instanceof Promise ? await found : found);
        if (isValid(result, checks.fits)) return settle([result]);
        results.push(result);
      }
      return settle(results);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      return { problems: [{ field: name, reason: 'expression', outcome: 'fail', message: error.message }] };
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
function settled(name: string, field: WorkflowField): (results: readonly FieldResult[]) => FieldOutcome {
  const missing: Complaint = {
    field: name,
    reason: 'missing',
    message: `${name} is required, but was not found by its ${sourcesOf(field).map(ruleName).join(' or ')}.`,
  };
  const judge = judgement(field);
  return (results) => {
    const best = results.find(({ value }) => value !== undefined);
    if (best !== undefined) return { value: best.value, problems: best.complaints.map(judge) };
    const complaints = results.find((result) => result.complaints.length > 0)?.complaints ?? [];
    const none = complaints.length === 0 && field.required === true;
    return { problems: (none ? [missing] : complaints).map(judge) };
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

function ruleName(source: Source): string {
  if (source.json_path !== undefined) return `path ${source.json_path}`;
  if (source.compute !== undefined) return 'expression';
  if ('columns' in source && source.columns !== undefined) return 'columns';
  if ('label' in source && source.label !== undefined) return `label ${quotedList(source.label)}`;
  if ('column' in source && source.column !== undefined) return `column ${quotedList(source.column)}`;
  return 'regex' in source && source.regex !== undefined ? 'pattern' : 'constant';
}

function quotedList(texts: string | readonly string[]): string {
  return [texts]
    .flat()
    .map((text) => `"${text}"`)
    .join(' or ');
}

import { checksOf, type WorkflowCheck, type WorkflowField } from '@longshore/contracts';
import { compileExpression, ExpressionError } from './expression.ts';
import type { FieldProblem, Findings } from './found.ts';
import { linearTest } from './regex.ts';

/** What must hold of a field's value. */
export interface Checks {
  /** False when one of the checks that need the value alone does not hold: then another place may have a better one. */
  readonly fits: (value: unknown) => boolean;
  /** Makes all checks, once all fields are known. */
  readonly problems: (value: unknown, findings: Findings) => Promise<FieldProblem[]>;
}

interface Check {
  readonly check: WorkflowCheck;
  readonly complaint: (value: unknown) => string | undefined;
  readonly expression: ((value: unknown, findings: Findings) => Promise<string | undefined>) | undefined;
}

/** Prepares the checks of a field. In a list each item must pass; an expression sees the list as a whole. */
export function compileChecks(name: string, field: WorkflowField): Checks {
  const checks = checksOf(field).map((check): Check => ({
    check,
    complaint: eachItem(compileCheck(check)),
    expression: check.expression === undefined ? undefined : compileHolds(check.expression),
  }));
  return {
    fits: (value) => checks.every(({ complaint }) => complaint(value) === undefined),
    problems: async (value, findings) => {
      const problems: FieldProblem[] = [];
      for (const { check, complaint, expression } of checks) {
        const wrong = complaint(value) ?? (await expression?.(value, findings));
        if (wrong !== undefined) problems.push(toProblem(name, check, wrong));
      }
      return problems;
    },
  };
}

function toProblem(
  field: string,
  { message, outcome = 'fail' }: WorkflowCheck,
  complaint: string,
): FieldProblem {
  const sentence = message ?? `${field} ${complaint}`;
  return {
    field,
    reason: 'validation',
    outcome,
    message: /[.!?]$/u.test(sentence) ? sentence : `${sentence}.`,
  };
}

function compileHolds(text: string): NonNullable<Check['expression']> {
  const evaluate = compileExpression(text);
  return async (value, findings) => {
    try {
      return (await evaluate(findings, value)) === true ? undefined : `does not hold: ${text}`;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return `has a check that ${error.message}`;
    }
  };
}

function eachItem(complaint: (value: unknown) => string | undefined): Check['complaint'] {
  return (value) => {
    if (!Array.isArray(value)) return complaint(value);
    const complaints = value.map((item, index) => {
      const wrong = complaint(item);
      return wrong && `item ${index + 1} ${wrong}`;
    });
    return complaints.find((wrong) => wrong !== undefined);
  };
}

function compileCheck({ pattern, min, max, one_of }: WorkflowCheck): (value: unknown) => string | undefined {
  const matches = pattern === undefined ? undefined : linearTest(pattern);
  return (value) => {
    if (matches !== undefined && !matches.test(String(value)))
      return `is ${shown(value)}, which does not fit ${pattern}`;
    // Dates are texts of the form 2026-03-01, whose order is that of the days.
    if (min !== undefined && (value as typeof min) < min)
      return `is ${shown(value)}, which is less than ${min}`;
    if (max !== undefined && (value as typeof max) > max)
      return `is ${shown(value)}, which is more than ${max}`;
    if (one_of !== undefined && !(one_of as unknown[]).includes(value)) {
      return `is ${shown(value)}, which is none of ${one_of.slice(0, 20).join(', ')}${one_of.length > 20 ? ', …' : ''}`;
    }
    return undefined;
  };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 80 ? `${text.slice(0, 80).toWellFormed()}…` : text;
}

import type { WorkflowDefinition } from '@longshore/contracts';
import { DEFAULT_READ_LIMITS, type ReadDocument, type ReadLimits } from './document.ts';
import type { Extraction, ExtractFields } from './extract-fields.ts';
import { compileExtractStep } from './extract-step.ts';
import type { FieldProblem, Scene } from './rules/found.ts';
import { compileOutputSchema } from './validate-output.ts';

/** A workflow ready for many documents. */
export interface CompiledWorkflow {
  /** The limits of its `read` step, never above those that were given. */
  readonly limits: ReadLimits;
  /** Time limit of its `read` step in milliseconds, where it sets one. */
  readonly maxMs: number | undefined;
  /** Finds the fields and holds the output against the output schema. */
  readonly structure: (
    document: ReadDocument,
    request?: Partial<Omit<Scene, 'document'>>,
  ) => Promise<Extraction>;
}

/**
 * Prepares a definition. Do it once: patterns and schemas are compiled here.
 * @throws Error when a pattern, a path or the output schema cannot be compiled
 */
export function compileWorkflow(
  definition: WorkflowDefinition,
  ceiling: Partial<ReadLimits> = {},
): CompiledWorkflow {
  const read = definition.steps.find((step) => step.read !== undefined)?.read ?? {};
  const most = { ...DEFAULT_READ_LIMITS, ...ceiling };
  const step = definition.steps.find(({ extract }) => extract !== undefined)?.extract;
  const extract: ExtractFields =
    step === undefined ? async () => ({ output: {}, problems: [] }) : compileExtractStep(step);
  const validate =
    definition.output_schema === undefined ? () => [] : compileOutputSchema(definition.output_schema);
  return {
    limits: {
      ...most,
      maxBytes: Math.min(most.maxBytes, read.max_bytes ?? Infinity),
      maxPages: Math.min(most.maxPages, read.max_pages ?? Infinity),
    },
    maxMs: read.max_seconds === undefined ? undefined : read.max_seconds * 1000,
    structure: async (document, { name = '', customData = null } = {}) => {
      const { output, problems } = await extract({ document, name, customData });
      const unfinished = problems.some(({ reason }) => reason === 'limit');
      return { output, problems: unfinished ? problems : withSchema(problems, validate(output), output) };
    },
  };
}

/**
 * Adds what the schema says. That a field is missing which has a problem of its own is told by that problem, better; but it
 * makes that problem one that fails the file.
 */
function withSchema(
  problems: readonly FieldProblem[],
  schema: readonly FieldProblem[],
  output: Readonly<Record<string, unknown>>,
): FieldProblem[] {
  const explained = new Set(problems.map(({ field }) => field).filter((field) => !(field in output)));
  const repeated = new Set(schema.map(({ field }) => field).filter((field) => explained.has(field)));
  return [
    ...problems.map((problem) =>
      repeated.has(problem.field) ? { ...problem, outcome: 'fail' as const } : problem,
    ),
    ...schema.filter(({ field }) => !repeated.has(field)),
  ];
}

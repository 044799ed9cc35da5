import type { WorkflowDefinition } from '@longshore/contracts';
import { DEFAULT_READ_LIMITS, type ReadDocument, type ReadLimits } from './document.ts';
import { evidenceFor, type Examination, explanationFor, type Explanation } from './examine.ts';
import type { Extraction, Tried } from './extract-fields.ts';
import { compileExtractStep, type CompiledExtractStep } from './extract-step.ts';
import type { FieldProblem, Scene } from './rules/found.ts';
import type { ReadOptions } from './read-document.ts';
import { compileOutputSchema } from './validate-output.ts';

/** A workflow ready for many documents. */
export interface CompiledWorkflow {
  /** The limits of its `read` step, never above those that were given. */
  readonly limits: ReadLimits;
  /** What its `read` step says about how to read. */
  readonly reading: Pick<ReadOptions, 'languages' | 'layout' | 'encoding'>;
  /** Time limit of its `read` step in milliseconds, where it sets one. */
  readonly maxMs: number | undefined;
  /** Finds the fields and holds the output against the output schema. */
  readonly structure: (document: ReadDocument, request?: Request) => Promise<Extraction>;
  /** The same, and where each value comes from. */
  readonly examine: (document: ReadDocument, request?: Request) => Promise<Examination>;
  /** The same, and how each field came to its value or why it has none. It takes longer than the others. */
  readonly explain: (document: ReadDocument, request?: Request) => Promise<Explanation>;
}

type Request = Partial<Omit<Scene, 'document'>>;

const NO_STEP: CompiledExtractStep = {
  extract: async () => ({ output: {}, problems: [] }),
  fieldsFor: () => ({}),
};

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
  const { extract, fieldsFor } = step === undefined ? NO_STEP : compileExtractStep(step);
  const validate =
    definition.output_schema === undefined ? () => [] : compileOutputSchema(definition.output_schema);
  const structure = async (document: ReadDocument, { name = '', customData = null }: Request = {}) => {
    let tried: Tried = new Map();
    const scene = { document, name, customData };
    const { output, problems } = await extract(scene, (told) => (tried = told));
    const unfinished = problems.some(({ reason }) => reason === 'limit');
    const all = unfinished ? problems : withSchema(problems, validate(output), output);
    return { extraction: { output, problems: all }, tried, scene };
  };
  return {
    limits: {
      ...most,
      maxBytes: Math.min(most.maxBytes, read.max_bytes ?? Infinity),
      maxPages: Math.min(most.maxPages, read.max_pages ?? Infinity),
    },
    reading: { languages: languagesOf(read.languages), layout: read.layout, encoding: read.encoding },
    maxMs: read.max_seconds === undefined ? undefined : read.max_seconds * 1000,
    structure: async (document, request) => (await structure(document, request)).extraction,
    examine: async (document, request) => {
      const { extraction, tried } = await structure(document, request);
      return { ...extraction, fields: evidenceFor(extraction.output, tried) };
    },
    explain: async (document, request) => {
      const { extraction, tried, scene } = await structure(document, request);
      const fields = fieldsFor(scene);
      const asked = { fields, locale: step?.locale };
      return { ...extraction, fields: explanationFor(asked, extraction.output, { tried, document }) };
    },
  };
}

function languagesOf(languages: string | readonly string[] | undefined): readonly string[] | undefined {
  return languages === undefined ? undefined : [languages].flat();
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

import type { WorkflowDefinition } from '@longshore/contracts';
import { DEFAULT_READ_LIMITS, type ReadDocument, type ReadLimits } from './document.ts';
import { compileFields, type Extraction } from './extract-fields.ts';
import { compileOutputSchema } from './validate-output.ts';

/** A workflow ready for many documents. */
export interface CompiledWorkflow {
  /** The limits of its `read` step, never above those that were given. */
  readonly limits: ReadLimits;
  /** Time limit of its `read` step in milliseconds, where it sets one. */
  readonly maxMs: number | undefined;
  /** Finds the fields and holds the output against the output schema. */
  readonly structure: (document: ReadDocument) => Extraction;
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
  const fields = definition.steps.find((step) => step.extract !== undefined)?.extract?.fields ?? {};
  const extract = compileFields(fields);
  const validate =
    definition.output_schema === undefined ? () => [] : compileOutputSchema(definition.output_schema);
  return {
    limits: {
      ...most,
      maxBytes: Math.min(most.maxBytes, read.max_bytes ?? Infinity),
      maxPages: Math.min(most.maxPages, read.max_pages ?? Infinity),
    },
    maxMs: read.max_seconds === undefined ? undefined : read.max_seconds * 1000,
    structure: (document) => {
      const { output, problems } = extract(document);
      return { output, problems: [...problems, ...validate(output)] };
    },
  };
}

export { compileWorkflow, type CompiledWorkflow } from './compile-workflow.ts';
export {
  DEFAULT_READ_LIMITS,
  type DocumentKind,
  type Line,
  type ReadDocument,
  type ReadLimits,
  type Segment,
  type Table,
} from './document.ts';
export type { Extraction } from './extract-fields.ts';
export { mayBeMarkup } from './formats/markup-kind.ts';
export { readDocument, type ReadOptions } from './read-document.ts';
export type { FieldProblem } from './rules/found.ts';
export { UnreadableError, type UnreadableReason } from './unreadable.ts';
export { validateOutput, type OutputSchema } from './validate-output.ts';

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
export type { Examination, Explanation, FieldExplanation, OtherCandidate } from './examine.ts';
export type { Extraction } from './extract-fields.ts';
export { mayBeMarkup } from './formats/markup-kind.ts';
export type { Recognise, RecognisedPage, RecognisedWord, Recognition, PictureSource } from './recognition.ts';
export { readDocument, type ReadOptions } from './read-document.ts';
export type { FieldEvidence } from './rules/evidence.ts';
export type { FieldProblem } from './rules/found.ts';
export { UnreadableError, type UnreadableReason } from './unreadable.ts';
export { validateOutput, type OutputSchema } from './validate-output.ts';

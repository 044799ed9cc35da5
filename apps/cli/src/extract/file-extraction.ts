import type { FieldExplanation } from '@longshore/documents';
import type { Extracted } from './messages.ts';

/** What became of a file. */
export interface FileExtraction {
  readonly file: string;
  /** `complete`: nothing required is missing or wrong. `incomplete`: something is. `unreadable`: nothing is known of it. */
  readonly status: 'complete' | 'incomplete' | 'unreadable';
  readonly extracted?: Extracted;
  readonly error?: { readonly reason: string; readonly message: string };
}

/** What is printed as JSON; its keys are in the case of those of results. */
export function extractionAsJson({
  file,
  status,
  extracted,
  error,
}: FileExtraction): Record<string, unknown> {
  if (extracted === undefined) return { file, status, error };
  const { kind, pages, text, warnings, explanation } = extracted;
  const document = { kind, pages, characters: text.length, warnings };
  if (explanation === undefined) return { file, status, document, text };
  const { output, problems, fields } = explanation;
  const explained = Object.entries(fields).map(([name, field]) => [name, fieldAsJson(field)]);
  return { file, status, document, output, problems, fields: Object.fromEntries(explained) };
}

function fieldAsJson({ scoreParts, evidence, value: _value, ...rest }: FieldExplanation): object {
  return { ...rest, ...evidence, ...(scoreParts !== undefined && { score_parts: scoreParts }) };
}

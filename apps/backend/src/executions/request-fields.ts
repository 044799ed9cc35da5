import { TAG_PATTERN, validationError, type JsonValue } from '@longshore/contracts';
import { z } from 'zod';
import { complaintAboutJson } from '../http/storable-json.ts';

/** The fields of a deployment request, parsed; files and their addresses apart. */
export interface ExecutionFields {
  /** -1 and 0: answer at once; else wait for the result up to that many seconds. */
  readonly timeoutSeconds: number;
  readonly flags: ResultFlags;
  readonly tags: string[];
  readonly llmProfileId: string | null;
  readonly customData: { [key: string]: JsonValue } | null;
  /** Whether an earlier result of the same content will do. */
  readonly useFileHistory: boolean;
}

/** What clients may ask to be added to results, at the POST or at any later GET. */
export interface ResultFlags {
  readonly includeMetadata: boolean;
  readonly includeMetrics: boolean;
  readonly includeExtractedText: boolean;
}

const MAX_TIMEOUT_SECONDS = 300;
const TRUE = new Set(['true', 't', 'yes', 'y', 'on', '1']);
const FALSE = new Set(['false', 'f', 'no', 'n', 'off', '0', '', 'null', 'none']);

const booleanField = z
  .string()
  .default('false')
  .transform((text, context) => {
    const word = text.trim().toLowerCase();
    if (TRUE.has(word)) return true;
    if (FALSE.has(word)) return false;
    context.addIssue({ code: 'custom', message: 'Must be a valid boolean.' });
    return z.NEVER;
  });

const timeoutField = z
  .string()
  .default('-1')
  .transform((text, context) => {
    const seconds = /^\s*-?\d{1,9}\s*$/.test(text) ? Number(text) : Number.NaN;
    if (seconds >= -1 && seconds <= MAX_TIMEOUT_SECONDS) return seconds;
    context.addIssue({
      code: 'custom',
      message: `Must be a whole number from -1 to ${MAX_TIMEOUT_SECONDS}.`,
    });
    return z.NEVER;
  });

const tagsField = z
  .string()
  .default('')
  .transform((text, context) => {
    const tags = text
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '');
    if (tags.length > 1) context.addIssue({ code: 'custom', message: 'At most one tag is allowed.' });
    const wrong = tags.find((tag) => !TAG_PATTERN.test(tag) || tag.length > 50);
    if (wrong !== undefined) {
      const message =
        'A tag starts with a letter, goes on with letters, digits, "_" or "-", and has at most 50 characters.';
      context.addIssue({ code: 'custom', message });
    }
    return tags;
  });

const customDataField = z
  .string()
  .default('')
  .transform((text, context): { [key: string]: JsonValue } | null => {
    if (text.trim() === '' || text.trim() === 'null') return null;
    const value = parsedOrUndefined(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const complaint = isObject ? complaintAboutJson(value) : 'Must be a JSON object.';
    if (isObject && complaint === null) return value;
    context.addIssue({ code: 'custom', message: complaint ?? '' });
    return z.NEVER;
  });

function parsedOrUndefined(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // What is not JSON is told the same as what is not an object.
    return undefined;
  }
}

const resultFlags = {
  include_metadata: booleanField,
  include_metrics: booleanField,
  include_extracted_text: booleanField,
};

const requestSchema = z.object({
  timeout: timeoutField,
  ...resultFlags,
  use_file_history: booleanField,
  tags: tagsField,
  llm_profile_id: z
    .union([z.guid('Must be a valid UUID.'), z.literal('')])
    .optional()
    .transform((id) => id || null),
  custom_data: customDataField,
});

/** Parses the form fields. @throws ApiError 400 that names every wrong field. */
export function parseExecutionFields(form: Readonly<Record<string, string>>): ExecutionFields {
  const parsed = requestSchema.safeParse(form);
  if (!parsed.success) throw validationError(parsed.error.issues);
  const fields = parsed.data;
  return {
    timeoutSeconds: fields.timeout,
    flags: flagsOf(fields),
    tags: fields.tags,
    llmProfileId: fields.llm_profile_id,
    customData: fields.custom_data,
    useFileHistory: fields.use_file_history,
  };
}

const pipelineSchema = z.object({
  force: booleanField,
  timeout: timeoutField,
  tags: tagsField,
  custom_data: customDataField,
});

/** Parses what a run of a pipeline is asked for with. @throws ApiError 400 that names every wrong field. */
export function parsePipelineFields(
  form: Readonly<Record<string, string>>,
): ExecutionFields & { readonly force: boolean } {
  const parsed = pipelineSchema.safeParse(form);
  if (!parsed.success) throw validationError(parsed.error.issues);
  const { force, timeout, tags, custom_data } = parsed.data;
  return {
    force,
    timeoutSeconds: timeout,
    flags: { includeMetadata: false, includeMetrics: false, includeExtractedText: false },
    tags,
    llmProfileId: null,
    customData: custom_data,
    useFileHistory: false,
  };
}

const flagsSchema = z.object(resultFlags);

/** Parses the `include_*` flags of a query. @throws ApiError 400. */
export function parseResultFlags(query: Readonly<Record<string, unknown>>): ResultFlags {
  const parsed = flagsSchema.safeParse(query);
  if (!parsed.success) throw validationError(parsed.error.issues);
  return flagsOf(parsed.data);
}

function flagsOf(fields: z.output<typeof flagsSchema>): ResultFlags {
  return {
    includeMetadata: fields.include_metadata,
    includeMetrics: fields.include_metrics,
    includeExtractedText: fields.include_extracted_text,
  };
}

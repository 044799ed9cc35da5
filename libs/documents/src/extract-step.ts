import {
  CircularFieldsError,
  effectiveFields,
  globPattern,
  type WorkflowDefinition,
} from '@longshore/contracts';
import { compileFields, type Extraction, type ExtractFields, type WorkflowFields } from './extract-fields.ts';
import { fillFields, placeholdersIn } from './rules/fill-source.ts';
import { linearTest } from './rules/regex.ts';
import { insertAt } from './rules/template.ts';
import type { Scene } from './rules/found.ts';

type ExtractStep = NonNullable<WorkflowDefinition['steps'][number]['extract']>;

/** An extract step, ready for many files. */
export interface CompiledExtractStep {
  readonly extract: ExtractFields;
  /** The fields that are looked for in a file, as they stand in the workflow. */
  readonly fieldsFor: (scene: Scene) => WorkflowFields;
}

/** Forms of one step that are kept: which overrides hold, and what the request put in. */
const KEPT_VARIANTS = 32;

/**
 * Prepares an extract step, with its overrides for some names of files and its placeholders for what a request says.
 * What that makes of its fields is compiled when the first such file comes, and kept.
 *
 * @throws Error when the fields without overrides cannot be compiled
 */
export function compileExtractStep(step: ExtractStep): CompiledExtractStep {
  const overrides = (step.overrides ?? []).map(({ file }) =>
    [file].flat().map((glob) => linearTest(globPattern(glob))),
  );
  const placeholders = placeholdersIn([step.fields, step.overrides]);
  const { locale } = step;
  const variants = new Map<string, ExtractFields>();

  const matchingOverrides = ({ name }: Scene): number[] =>
    overrides.flatMap((globs, index) => (globs.some((glob) => glob.test(name)) ? [index] : []));
  const fieldsFor = (scene: Scene) => effectiveFields(step, matchingOverrides(scene));

  const variantFor = (scene: Scene): ExtractFields => {
    const { customData } = scene;
    const matching = matchingOverrides(scene);
    const inserts = placeholders.map((keys) => insertAt(customData, keys));
    const key = JSON.stringify([matching, inserts]);
    const kept = variants.get(key);
    if (kept !== undefined) return kept;
    const written = effectiveFields(step, matching);
    const variant = compileFields(placeholders.length === 0 ? written : fillFields(written, customData), {
      written,
      locale,
    });
    if (variants.size >= KEPT_VARIANTS) variants.clear();
    variants.set(key, variant);
    return variant;
  };

  if (overrides.length === 0 && placeholders.length === 0)
    return { fieldsFor, extract: compileFields(step.fields, { locale }) };
  compileFields(step.fields);
  const extract: ExtractFields = async (scene, tell) => {
    const variant = attempt(() => variantFor(scene));
    return variant instanceof CircularFieldsError ? circular(variant) : await variant(scene, tell);
  };
  return { fieldsFor, extract };
}

/** Only overrides that hold together for one name can still do this: the rest was refused when it was applied. */
function circular({ names: [field = ''], message }: CircularFieldsError): Extraction {
  return { output: {}, problems: [{ field, reason: 'expression', outcome: 'fail', message: `${message}.` }] };
}

function attempt(act: () => ExtractFields): ExtractFields | CircularFieldsError {
  try {
    return act();
  } catch (error) {
    if (error instanceof CircularFieldsError) return error;
    throw error;
  }
}

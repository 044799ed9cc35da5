import { sourcesOf, type WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from '../document.ts';
import { convert, type ValueSpelling } from '../values/convert.ts';
import { closestWording } from './closest.ts';
import type { TriedSource } from './field.ts';
import type { Find } from './found.ts';
import { originalText } from './evidence.ts';
import { findHits } from './label-hits.ts';
import { type Place, placeOf } from './place.ts';
import { describeRule, quotedList, ruleOf } from './rule-name.ts';
import type { Source } from './source.ts';
import { wordPattern, wordings } from './wording.ts';

/** A place in words, undefined where none is known: "page 2 at 56, 120" or "line 4". */
export function placeInWords({
  page,
  sheet,
  row,
  column,
  line,
  x,
  y,
  path,
}: Partial<Place>): string | undefined {
  if (path !== undefined) return path;
  if (row !== undefined) {
    const cell = column === undefined ? `row ${row}` : `row ${row}, column ${column}`;
    return sheet === undefined ? cell : `sheet ${sheet}, ${cell}`;
  }
  if (x !== undefined && y !== undefined) return `page ${page} at ${Math.round(x)}, ${Math.round(y)}`;
  if (line === undefined) return page === undefined ? undefined : `page ${page}`;
  return page === undefined || page === 1 ? `line ${line}` : `page ${page}, line ${line}`;
}

/** Why a field has no value, in sentences: what each of its sources came to. */
export function whyMissing(
  field: WorkflowField,
  tried: readonly TriedSource[],
  document: ReadDocument,
): string {
  if (tried.length === 0) {
    const conditional = field.when !== undefined || sourcesOf(field).some((source) => 'when' in source);
    return conditional ? 'Its condition does not hold.' : 'Nothing was looked for.';
  }
  return [...new Set(tried.map((one) => whySource(field, one, document)))].join(' ');
}

function whySource(field: WorkflowField, { source, result }: TriedSource, document: ReadDocument): string {
  const found = result.found ?? [];
  if (found.length > 0)
    return `${capital(
      found
        .slice(0, 3)
        .map((find) => whyNot(field, find))
        .join('; '),
    )}.`;
  const [complaint] = result.complaints;
  if (complaint !== undefined) return complaint.message;
  const words = wantedWords(source);
  if (words.length === 0) return `Its ${describeRule(source)} finds nothing in this document.`;
  const what = ruleOf(source) === 'label' ? 'label' : ruleOf(source) === 'blocks' ? 'label' : 'heading';
  return whyWords(document, words, what);
}

/** Why what was found is no value. */
function whyNot(field: WorkflowField, find: Find): string {
  const type = field.type === 'list' ? (field.items ?? 'string') : field.type;
  const converted = convert(find.value, { ...field, type } as ValueSpelling);
  const said =
    'complaint' in converted
      ? converted.complaint
      : `"${originalText(find)}" was not taken, as a check does not hold`;
  const where = find.place?.();
  const at = where === undefined ? '' : ` (${placeInWords(where)})`;
  return find.label === undefined
    ? `found: ${said}${at}`
    : `at the label "${find.label.words}": ${said}${at}`;
}

/** Labels or headings that a source looks for. */
function wantedWords(source: Source): readonly string[] {
  const { label, column, columns, blocks } = source as Readonly<Record<string, unknown>>;
  if (label !== undefined) return wordings(label as string);
  if (column !== undefined) return wordings(column as string);
  const parts = Object.values((columns ?? blocks ?? {}) as Record<string, unknown>);
  return parts.flatMap((part) => {
    const { heading, label: own } = Object(part) as { heading?: string; label?: string };
    return wordings((heading ?? own ?? part) as string);
  });
}

function whyWords(document: ReadDocument, words: readonly string[], what: 'label' | 'heading'): string {
  for (const word of words) {
    const [hit] = findHits(document.lines, wordPattern(word));
    if (hit === undefined) continue;
    const where = placeInWords(placeOf(document, hit));
    const lacks =
      what === 'label'
        ? 'nothing that could be its value stands behind, beside or below it'
        : 'no rows stand below it';
    return `The ${what} "${hit.words}" was found (${where}), but ${lacks}.`;
  }
  const list = words.length > 4 ? `${quotedList(words.slice(0, 4))} or others` : quotedList(words);
  const closest = closestWording(document, words);
  const hint =
    closest === undefined
      ? 'nothing in the document is like it'
      : `closest is "${closest.text}" (${placeInWords(closest.place)})`;
  return `No ${what} ${list} was found; ${hint}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

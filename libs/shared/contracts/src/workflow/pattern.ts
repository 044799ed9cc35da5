import { z } from 'zod';
import { templateComplaint, withoutPlaceholders } from './template.ts';

/** Nested counts multiply; the linear-time engine stops at this product. */
const MAX_REPEAT = 1000;
const GENERAL_CATEGORY = /^\^?(?:C[cfnos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
const TOKEN =
  /\\[pP]\{([^}]*)\}|\\[0-9kc]|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:<?[=!])|\(|\)|\{(\d+)(?:,(\d*))?\}|[^]/gu;

/**
 * Says why a pattern cannot be used, or undefined when it can.
 *
 * Patterns run on an engine whose time grows linearly with the text, so what such an engine cannot promise
 * (looking around, referring back) is refused here, when the workflow is written, not when a file arrives.
 * What passes is understood alike by JavaScript and by RE2; a leading `(?i)` ignores case.
 */
export function patternComplaint(pattern: string): string | undefined {
  try {
    new RegExp(pattern.replace(/^\(\?[ims]+\)/u, ''), 'u');
  } catch (error) {
    return `is not a regular expression: ${(error as Error).message}`;
  }
  const tokens = [...pattern.matchAll(TOKEN)];
  for (const [token, property] of tokens) {
    const complaint = tokenComplaint(token, property);
    if (complaint !== undefined) return complaint;
  }
  return largestRepeat(pattern) > MAX_REPEAT ? `repeats more than ${MAX_REPEAT} times` : undefined;
}

/** How much a pattern may have to keep in mind at each character: its time is this times the length of the text. */
export function patternWeight(pattern: string): number {
  const longest = withoutPlaceholders(pattern, LONGEST_STAND_IN);
  return withoutPlaceholders(pattern, 'x'.repeat(LONGEST_INSERT)).length * largestRepeat(longest);
}

function tokenComplaint(token: string, property: string | undefined): string | undefined {
  if (token.startsWith('(?')) return `uses "${token}" (looking around), which has no bounded time`;
  if (/^\\[1-9k]/u.test(token)) return `refers back with "${token}", which has no bounded time`;
  if (/^\\[0c]/u.test(token)) return `uses "${token}"; write \\x00 instead`;
  if (property !== undefined && !GENERAL_CATEGORY.test(property)) {
    return `uses the property "${property}"; only general categories such as \\p{L} or \\p{Lu} are known`;
  }
  if (/^\[.*\\(?:b|c|k|[pP]\{[^}]{3})/u.test(token)) return `uses "${token}", a class that is not understood`;
  return undefined;
}

/** The largest product of counts inside each other. */
function largestRepeat(pattern: string): number {
  const open = [1];
  let atom = 1;
  let largest = 1;
  for (const [token, , least, most] of pattern.matchAll(TOKEN)) {
    if (least !== undefined) atom *= Math.max(1, Number(least), Number(most ?? 0));
    else if (token === '(') {
      open.push(1);
      atom = 1;
      continue;
    } else atom = token === ')' ? (open.pop() ?? 1) : 1;
    if (open.length === 0) open.push(1);
    open[open.length - 1] = Math.max(open.at(-1) ?? 1, atom);
    largest = Math.max(largest, atom);
  }
  return largest;
}

/** Texts of a request that are longer are not put into patterns and labels. */
export const LONGEST_INSERT = 200;
/** As much to repeat as a placeholder can become. */
const LONGEST_STAND_IN = `(?:x{${LONGEST_INSERT}})`;

/** A character that stands for what a placeholder will put there; nobody writes it. */
const STAND_IN = '\uE000';

/** What is put in stands for itself, which it can do in a sequence, but not in a class or behind a backslash. */
function placeholderComplaint(pattern: string): string | undefined {
  const complaint = templateComplaint(pattern);
  if (complaint !== undefined) return complaint;
  const marked = withoutPlaceholders(pattern, STAND_IN);
  const tokens = [...marked.matchAll(TOKEN)].map(([token]) => token);
  const wrong = tokens.find((token) => token.length > 1 && token.includes(STAND_IN));
  return wrong && 'has a {{…}} inside of brackets or behind a backslash, where it cannot stand';
}

/** A pattern that runs in linear time and holds no placeholders. */
export const patternSchema = checkedPattern(patternComplaint);

/** A pattern in which `{{custom_data.key}}` stands for a text of the request, literally. */
export const templatePatternSchema = checkedPattern(
  (pattern) =>
    placeholderComplaint(pattern) ?? patternComplaint(withoutPlaceholders(pattern, LONGEST_STAND_IN)),
);

function checkedPattern(complaintOf: (pattern: string) => string | undefined) {
  return z
    .string()
    .min(1)
    .max(2000)
    .superRefine((pattern, context) => {
      const complaint = complaintOf(pattern);
      if (complaint !== undefined) context.addIssue(`the pattern ${complaint}`);
    });
}

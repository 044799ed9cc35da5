import type { z } from 'zod';

/** More letters than this in another place, and it was another word. */
const MOST_TYPOS = 2;

/**
 * The error of a definition, with all that is wrong with it. `what` is the definition as its author knows it: `task`, `command task`.
 */
export function wrongDefinition(what: string, name: unknown, problems: readonly string[]): TypeError {
  const named = typeof name === 'string' && name !== '' ? ` ${name}` : '';
  return new TypeError(`The ${what}${named} is defined wrongly: ${problems.join('; ')}`);
}

/** What a schema of settings says is wrong, in words for who wrote them. `known`: the keys that there are, to name the likely one. */
export function problemsOf(error: z.ZodError, known: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    const at = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [`${at === '' ? '' : `${at}: `}${wordsOf(issue)}`];
    return issue.keys.map((key) => unknownKey(key, at, at === '' ? known : []));
  });
}

function wordsOf({ code, message }: z.core.$ZodIssue): string {
  return code === 'invalid_type' && message.endsWith('received undefined') ? 'is missing' : message;
}

function unknownKey(key: string, at: string, known: readonly string[]): string {
  const meant = known.find((each) => typosBetween(key.toLowerCase(), each.toLowerCase()) <= MOST_TYPOS);
  return `${at === '' ? '' : `${at}: `}there is no key "${key}"${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
}

/** How many letters must be put in, taken out or changed to make one word of the other. */
function typosBetween(one: string, other: string): number {
  let before = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = before[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      row.push(Math.min(changed, before[j]! + 1, row[j - 1]! + 1));
    }
    before = row;
  }
  return before.at(-1)!;
}

import { nearestWord } from '@longshore/runtime';
import type { z } from 'zod';

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
  const meant = nearestWord(key, known);
  return `${at === '' ? '' : `${at}: `}there is no key "${key}"${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
}

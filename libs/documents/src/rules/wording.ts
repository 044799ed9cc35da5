/** Labels and headings as a rule holds them: one text or several. */
export type Wording = string | readonly string[];

/** The texts of a rule, in its order. */
export function wordings(wording: Wording): readonly string[] {
  return typeof wording === 'string' ? [wording] : wording;
}

const SYNTAX = /[\\^$.*+?()[\]{}|/]/gu;

/** A pattern for words as a person writes them: any case, any white space, hyphen or underscore between, whole words. */
export function wordPattern(words: string): RegExp {
  const bare = words.trim().replace(/[\s:]+$/u, '');
  const body = bare
    .split(/[\s_-]+/u)
    .map((word) => word.replaceAll(SYNTAX, '\\$&'))
    .join('[\\s_\\-]+');
  const before = /^[\p{L}\p{N}]/u.test(bare) ? '(?<![\\p{L}\\p{N}])' : '';
  const after = /[\p{L}\p{N}]$/u.test(bare) ? '(?![\\p{L}\\p{N}])' : '';
  return new RegExp(`${before}${body}${after}`, 'iu');
}

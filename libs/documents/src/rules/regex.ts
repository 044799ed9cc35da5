import { RE2JS } from 're2js';
import type { ReadDocument } from '../document.ts';
import type { Find } from './found.ts';
import { placeOfText } from './place.ts';

/** At most this many matches of one pattern are taken. */
const MAX_MATCHES = 10_000;

/**
 * Prepares a pattern on an engine whose time is linear in the text, whatever the pattern. A match gives its first
 * group, or all of it where the pattern has none. `^` and `$` stand for lines.
 */
export function compileRegex(pattern: string) {
  const regex = RE2JS.compile(RE2JS.translateRegExp(pattern), RE2JS.MULTILINE);
  const group = regex.groupCount() > 0 ? 1 : 0;
  return (document: ReadDocument, all: boolean): Find[] => {
    const matcher = regex.matcher(document.text);
    const found: Find[] = [];
    while (found.length < MAX_MATCHES && matcher.find()) {
      const value = matcher.group(group);
      const start = matcher.start(group);
      if (value !== null) found.push({ value, place: () => placeOfText(document, value, start) });
      if (!all && found.length > 0) break;
    }
    return found;
  };
}

/** The same engine for `pattern` in an output schema. Its user tells patterns apart by their text. */
export function linearTest(pattern: string): { test: (text: string) => boolean; toString: () => string } {
  const regex = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return { test: (text) => regex.matcher(text).find(), toString: () => pattern };
}

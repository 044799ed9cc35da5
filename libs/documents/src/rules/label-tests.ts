import { endOfQualifier } from './qualifier.ts';
import { wordPattern } from './wording.ts';

/** What may stand between a label and its value in one piece of text. */
export const SEPARATOR = /^(?:\.(?=[\s:]|$)|\.{2,}|[\s:#=…：]|[–—](?=\s))+/u;

/** Tells a text that begins with a label of any field, and so is nobody's value. */
export type IsLabel = (text: string) => boolean;

/** What all fields of a workflow need to know about the labels of all others. */
export interface LabelTests {
  readonly isLabel: IsLabel;
  /** Ends a value where the next label with its colon begins, as in "Invoice No: 17 Date: 1 March 2026". */
  readonly cutAtLabel: (text: string) => string;
}

/** Prepares the questions that all label rules of a workflow share. */
export function compileLabelTests(labels: readonly string[]): LabelTests {
  const patterns = labels.map(wordPattern);
  const isLabel = (text: string) =>
    patterns.some((pattern) => {
      const match = pattern.exec(text);
      if (match?.index !== 0) return false;
      const after = text.slice(match[0].length);
      const behind = after.slice(endOfQualifier(after));
      return behind.trim() === '' || /[:=：]/u.test(SEPARATOR.exec(behind)?.[0] ?? '');
    });
  const cutAtLabel = (text: string) => {
    const starts = patterns.flatMap((pattern) => {
      const match = pattern.exec(text);
      return match !== null && /^\s*[:=：]/u.test(text.slice(match.index + match[0].length))
        ? [match.index]
        : [];
    });
    return text.slice(0, Math.min(text.length, ...starts)).trim();
  };
  return { isLabel, cutAtLabel };
}

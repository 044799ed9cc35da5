import type { Line, Segment } from '../document.ts';
import { SEPARATOR } from './label-tests.ts';
import { endOfQualifier, isQualifier, tellsOfTax } from './qualifier.ts';

/** A place at which a label stands. */
export interface Hit {
  readonly line: number;
  readonly segment: Segment;
  /** The label as it is written there. */
  readonly words: string;
  /** How surely this is the label: 3 alone or before a colon, 2 in front, 1 inside with a colon, 0 inside. */
  readonly strength: number;
  /** Text behind the label in the same segment, and where in it that begins. */
  readonly rest: string;
  readonly restAt: number;
  readonly colon: boolean;
  /** What is behind the label only says what is counted, so that the value may stand beside it. */
  readonly restQualifies: boolean;
}

/** Every place of a label, in the order of the document. */
export function findHits(lines: readonly Line[], pattern: RegExp): Hit[] {
  const hits: Hit[] = [];
  for (const [line, { segments }] of lines.entries()) {
    for (const segment of segments) {
      const match = pattern.exec(segment.text);
      if (match !== null) hits.push(toHit(line, segment, match));
    }
  }
  return hits;
}

function toHit(line: number, segment: Segment, match: RegExpExecArray): Hit {
  const after = match.index + match[0].length;
  const labelEnd = after + endOfQualifier(segment.text.slice(after));
  const behind = segment.text.slice(labelEnd);
  const separator = SEPARATOR.exec(behind)?.[0] ?? '';
  const rest = behind.slice(separator.length).trim();
  const colon = /[:=#：]|\.{2,}|…/u.test(separator);
  const restQualifies = !colon && isQualifier(rest);
  const qualifier = segment.text.slice(after, labelEnd) + (restQualifies ? rest : '');
  const clear = (colon || rest === '' || restQualifies) && !tellsOfTax(qualifier) ? 1 : 0;
  return {
    line,
    segment,
    rest,
    restAt: labelEnd + separator.length,
    colon,
    restQualifies,
    words: segment.text.slice(match.index, after),
    strength: match.index === 0 ? 2 + clear : clear,
  };
}

import type { ReadDocument } from '../document.ts';
import { type Place, placeOf } from './place.ts';

/** Below this likeness two texts have nothing to do with each other. */
const LEAST = 0.4;
/** In characters and pieces: where a document is larger, labels stand in its first part. */
const LONGEST = 80;
const MOST_PIECES = 20_000;

/** A text of the document that is much like a wanted one. */
export interface Closest {
  readonly text: string;
  readonly place: Place;
}

/** What of a document is most like one of these labels or headings; undefined when nothing is. */
export function closestWording(document: ReadDocument, wanted: readonly string[]): Closest | undefined {
  const pairs = wanted.map(pairsOf);
  let best = LEAST;
  let closest: Closest | undefined;
  let left = MOST_PIECES;
  const weigh = (text: string, place: () => Place) => {
    const likeness = Math.max(...pairs.map((each) => likenessOf(each, pairsOf(text))));
    if (likeness <= best) return;
    best = likeness;
    closest = { text, place: place() };
  };
  for (const { names, page } of document.fields ?? [])
    for (const name of names) weigh(name, () => ({ page }));
  for (const [line, { segments }] of document.lines.entries()) {
    for (const segment of segments) {
      if ((left -= 1) < 0) return closest;
      weigh(labelPart(segment.text), () => placeOf(document, { line, segment }));
    }
  }
  return closest;
}

/** What may be the label of a text: what stands before a colon or before digits. */
function labelPart(text: string): string {
  const words = text.slice(0, LONGEST).split(/[:=：]|\s+(?=\S*\d)|\.{2,}/u)[0] ?? '';
  return words.trim();
}

/** How often each pair of neighbouring letters stands in a text, in any case and without accents. */
function pairsOf(text: string): ReadonlyMap<string, number> {
  const bare = text.slice(0, LONGEST).toLowerCase().normalize('NFD').replaceAll(/\p{M}/gu, '');
  const letters = [...` ${bare.replaceAll(/[^\p{L}\p{N}]+/gu, ' ').trim()} `];
  const pairs = new Map<string, number>();
  for (let at = 1; at < letters.length; at += 1) {
    const pair = `${letters[at - 1]}${letters[at]}`;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

/** From 0, nothing in common, to 1, the same. */
function likenessOf(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): number {
  const total = sum(one) + sum(other);
  let common = 0;
  for (const [pair, count] of one) common += Math.min(count, other.get(pair) ?? 0);
  return total === 0 ? 0 : (2 * common) / total;
}

function sum(pairs: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of pairs.values()) total += count;
  return total;
}

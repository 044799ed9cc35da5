import { editDistance } from './config/edit-distance.ts';

/** More letters than this in another place, and it was another word. */
const MOST_TYPOS = 2;

/** The word that was likely meant, of those that there are: the one with the fewest typos, two at most. Undefined: it is like none. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const typosTo = (each: string): number => editDistance(word.toLowerCase(), each.toLowerCase());
  const [nearest] = known
    .filter((each) => typosTo(each) <= MOST_TYPOS)
    .toSorted((one, other) => typosTo(one) - typosTo(other));
  return nearest;
}

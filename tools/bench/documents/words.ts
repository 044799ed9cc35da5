const WORDS = (
  'the of and to in is that for with as on are this by from at or be an which have it was not were their has will shall between ' +
  'party agreement notice services payment invoice harbour vessel berth cargo term date amount tax delivery quality insurance ' +
  'liability contract schedule clause account days period mooring rope fender paint crane tide pilot channel bridge lantern'
).split(' ');

/** Words that look random and are the same every time. */
export interface Words {
  /** A whole number from 0 to below `end`. */
  readonly number: (end: number) => number;
  /** A line of about `length` letters, a number in it now and then. */
  readonly line: (length: number) => string;
}

export function createWords(seed: number): Words {
  let state = seed;
  const number = (end: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  const word = () => (number(12) === 0 ? String(100 + number(9_000)) : WORDS[number(WORDS.length)]!);
  const line = (length: number) => {
    let text = word();
    while (text.length < length) text += `${number(9) === 0 ? ', ' : ' '}${word()}`;
    return text;
  };
  return { number, line };
}

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** Ligatures and the shapes that letters have inside of words count as their letters. */
const wordsOf = (text: string) => [...text.normalize('NFKC').matchAll(WORD)].map(([word]) => word);

/** The part of the words of `original` that are in `found`; one that stands there twice has to be found twice. */
export function recall(original: string, found: string): number {
  const left = new Map<string, number>();
  for (const word of wordsOf(found)) left.set(word, (left.get(word) ?? 0) + 1);
  let wanted = 0;
  let hits = 0;
  for (const word of wordsOf(original)) {
    wanted += 1;
    const times = left.get(word) ?? 0;
    if (times === 0) continue;
    hits += 1;
    left.set(word, times - 1);
  }
  return wanted === 0 ? 1 : hits / wanted;
}

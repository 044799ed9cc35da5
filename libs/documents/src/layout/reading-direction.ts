const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const LEFT_TO_RIGHT =
  /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** Whether a text reads from right to left, going by what most of its letters are. */
export function readsRightToLeft(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return false;
  let balance = 0;
  for (const letter of text) {
    if (RIGHT_TO_LEFT.test(letter)) balance += 1;
    else if (LEFT_TO_RIGHT.test(letter)) balance -= 1;
  }
  return balance >= 0;
}

/**
 * Joins pieces that stand side by side, from left to right, in the order in which they are read: those of scripts that run
 * from right to left backwards, with the numbers and foreign words among them as they stand. Each piece is in order in itself.
 */
export function joinAsRead(pieces: readonly string[]): string {
  const seen = pieces.join('');
  if (!RIGHT_TO_LEFT.test(seen)) return seen;
  const isRightToLeft = readsRightToLeft(seen);
  const runs = directedRuns(pieces, isRightToLeft);
  const ordered = isRightToLeft ? runs.toReversed() : runs;
  return ordered.map((run) => (run.turned ? run.pieces.toReversed() : run.pieces).join('')).join('');
}

interface Run {
  readonly turned: boolean;
  readonly pieces: string[];
}

/** Pieces without a direction, such as spaces, go with those on both of their sides, or else with the line. */
function directedRuns(pieces: readonly string[], isRightToLeft: boolean): Run[] {
  const turns = pieces.map(directionOf);
  const before = carried(turns);
  const after = carried(turns.toReversed()).toReversed();
  const runs: Run[] = [];
  for (const [index, piece] of pieces.entries()) {
    const turned = (before[index] === after[index] ? before[index] : turns[index]) ?? isRightToLeft;
    const run = runs.at(-1);
    if (run?.turned === turned) run.pieces.push(piece);
    else runs.push({ turned, pieces: [piece] });
  }
  return runs;
}

/** Each direction, or the last one before it. */
function carried(turns: readonly (boolean | undefined)[]): (boolean | undefined)[] {
  let last: boolean | undefined;
  return turns.map((turn) => (last = turn ?? last));
}

/** True for right to left, false for letters of other scripts and for digits. */
function directionOf(piece: string): boolean | undefined {
  if (RIGHT_TO_LEFT.test(piece) && !/^[\p{Nd}.,/:-]+$/u.test(piece)) return true;
  return LEFT_TO_RIGHT.test(piece) || /\p{Nd}/u.test(piece) ? false : undefined;
}

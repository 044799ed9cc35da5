import { UnreadableError } from '../unreadable.ts';

/** Counts pieces of text as they are made, and throws once there are more than are allowed. */
export type TakePieces = (count: number) => void;

/**
 * Bounds the pieces (segments, cells) of one document, so that a hostile file ends with a sentence before it
 * exhausts the heap: the engine may end the whole process when a list of millions grows at its edge.
 */
export function createPieceBudget(maxPieces: number): TakePieces {
  let left = maxPieces;
  return (count) => {
    left -= count;
    if (left >= 0) return;
    throw new UnreadableError(
      'too_large',
      `The file has more than ${maxPieces} separate pieces of text or cells.`,
    );
  };
}

/** Counts characters as they are gathered, as pieces are counted: one stored text may be shown by a million cells. */
export function createTextBudget(maxTextBytes: number): TakePieces {
  let left = maxTextBytes;
  return (count) => {
    left -= count;
    if (left >= 0) return;
    throw new UnreadableError(
      'too_large',
      `The file holds more text than the allowed ${maxTextBytes} characters.`,
    );
  };
}

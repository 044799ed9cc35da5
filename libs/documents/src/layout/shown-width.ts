/** Letters that take two columns where all others take one, and marks that take none. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u4DBF\u4E00-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]/gu;
const OF_NO_WIDTH = /\p{Mn}/gu;
const ONLY_NARROW = /^[\u0020-\u02FF]*$/u;

/** How many columns a text takes where all letters of a line are shown equally wide, those of Chinese, Japanese and Korean twice as wide. */
export function shownWidth(text: string): number {
  if (ONLY_NARROW.test(text)) return text.length;
  const bare = text.replace(OF_NO_WIDTH, '');
  const letters = bare.length - count(bare, /[\u{10000}-\u{10FFFF}]/gu);
  return letters + count(bare, WIDE);
}

function count(text: string, letters: RegExp): number {
  return text.match(letters)?.length ?? 0;
}

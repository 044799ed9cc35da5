/**
 * Divides what has sizes into parts of at most `most` together, in order. What is larger by itself is a part by itself.
 *
 * @returns the names in each part; no part is empty
 */
export function partsOf<Name>(sizes: ReadonlyMap<Name, number>, most: number): Name[][] {
  const parts: Name[][] = [];
  let filled = Infinity;
  for (const [name, size] of sizes) {
    if (filled + size > most) {
      parts.push([]);
      filled = 0;
    }
    parts.at(-1)!.push(name);
    filled += size;
  }
  return parts;
}

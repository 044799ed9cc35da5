/** Counts the parts that a form begins with its boundary. */
export interface PartCounter {
  /** Takes the next bytes of the body. */
  see(chunk: Buffer): void;
  readonly count: number;
}

/**
 * The parser passes over a part whose head it does not understand (a file name without quotes that has a space, say) without
 * a word; only a count of our own tells that a file was lost. Never counts more parts than there are boundaries.
 */
export function createPartCounter(contentType = ''): PartCounter {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"\\]*)"|([^\s;"]+))/i.exec(contentType) ?? [];
  const mark = Buffer.from(`\r\n--${quoted ?? bare}\r\n`, 'latin1');
  // The first one stands at the beginning, without a line before it.
  let rest: Buffer = Buffer.from('\r\n');
  let count = 0;
  return {
    see(chunk) {
      const bytes = Buffer.concat([rest, chunk]);
      // The end of one line may be the beginning of the next boundary.
      for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length - 2)) count += 1;
      rest = bytes.subarray(Math.max(0, bytes.length - mark.length + 1));
    },
    get count() {
      return count;
    },
  };
}

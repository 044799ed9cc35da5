import type { Readable } from 'node:stream';

/** A line that goes on beyond this is cut into several, so that output without line ends does not gather. */
const LONGEST_LINE = 10_000;

/** Reads a stream to its end and tells its lines, the last one too when nothing ends it. */
export function eachLine(stream: Readable, tell: (line: string) => void): void {
  let begun = '';
  const take = (chunk: string): void => {
    const lines = (begun + chunk).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) tell(line.trimEnd());
    if (begun.length < LONGEST_LINE) return;
    tell(begun);
    begun = '';
  };
  stream.setEncoding('utf8').on('data', take);
  stream.on('end', () => begun !== '' && tell(begun));
  // What cannot be read any more was written by something that is gone.
  stream.on('error', () => undefined);
}

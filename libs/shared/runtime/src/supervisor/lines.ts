import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A line longer than this is handed on in pieces: a child that never ends its line must not fill our memory. */
const LONGEST_LINE = 1_048_576;

/** Calls `onLine` for each line of the stream, without its end; an unfinished last line counts. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const flush = (): void => {
    if (rest !== '') onLine(rest);
    rest = '';
  };
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (rest.length > LONGEST_LINE) flush();
  });
  stream.on('end', () => {
    rest += decoder.end();
    flush();
  });
  // A broken pipe ends with the child, which tells of its own end.
  stream.on('error', flush);
}

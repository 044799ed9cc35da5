import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { readLines } from './lines.ts';

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, 'end');
  return lines;
}

describe('readLines', () => {
  it('puts lines together from pieces, and takes the last without an end', async () => {
    expect(await linesOf('on', 'e\ntwo\r\n\nth', 'ree')).toEqual(['one', 'two', '', 'three']);
  });

  it('keeps characters whole that arrive in two pieces', async () => {
    const bytes = Buffer.from('ü\n');
    expect(await linesOf(bytes.subarray(0, 1), bytes.subarray(1))).toEqual(['ü']);
  });

  it('hands on a line without end in pieces', async () => {
    const lines = await linesOf(...Array.from({ length: 40 }, () => 'x'.repeat(100_000)));
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.join('')).toHaveLength(4_000_000);
  });
});

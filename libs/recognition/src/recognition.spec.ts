import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { readDocument, type Recognise, UnreadableError } from '@longshore/documents';
import { createRecognise } from './open-ocr.ts';
import { createPageReader } from './page-reader.ts';

const SAVED_AS = ['scan.jpg', 'scan.webp', 'scan.gif', 'scan.bmp', 'scan-deflate.tif', 'scan-jpeg.tif'];

/** Recognises without threads, which other tests prove. */
const recogniseHere: Recognise = ({ format, bytes }) => ({
  page: createPageReader({ format, bytes, languages: ['eng'], folder: undefined, maxPixels: 4e7 }),
  close: async () => undefined,
});

async function scan(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`./fixtures/${name}`, import.meta.url)));
}

describe('a scan', () => {
  it('is decoded whatever it was saved as', async () => {
    for (const name of SAVED_AS) {
      const { text, kind } = await readDocument(await scan(name), { recognise: recogniseHere });
      expect([name, kind, text]).toEqual([name, expect.any(String), expect.stringContaining('QC-2026-0117')]);
    }
  });
});

/** Numbers that look random and are the same every time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Cut off, or with some bytes changed behind the head, which other tests damage. */
function damaged(bytes: Uint8Array, round: number, random: (below: number) => number): Uint8Array {
  const head = Math.min(64, bytes.length / 2);
  const isCut = round % 3 === 0;
  const copy = bytes.slice(0, isCut ? head + random(bytes.length - head) : bytes.length);
  for (let flips = isCut ? 0 : 1 + random(12); flips > 0; flips -= 1)
    copy[head + random(copy.length - head)] = random(256);
  return copy;
}

describe('what is damaged before it is decoded or drawn ends with words or a reason', () => {
  const PAGE_MS = 20_000;
  const settings = { languages: ['eng'], folder: undefined, maxMemoryMb: 768, maxPixels: 4e7 };

  /** In a thread, as always: what a decoder does there ends with the file. A PDF goes to what draws it without being looked at before. */
  async function endOf(name: string, bytes: Uint8Array): Promise<string> {
    const recognise = createRecognise({ ...settings, maxPageMs: PAGE_MS }, () => undefined);
    const recognition = name.endsWith('.pdf') ? recognise({ format: 'pdf', bytes }) : undefined;
    try {
      await (recognition?.page(1) ?? readDocument(bytes, { recognise, limits: { maxPages: 3 } }));
      return 'words';
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      expect(error.message).not.toContain('longer than');
      return error.reason;
    } finally {
      await recognition?.close();
    }
  }

  it.each([...SAVED_AS, 'scan-fax.tif', 'scan.png', 'scan.pdf'])('%s', async (name) => {
    const sample = await scan(name);
    const random = randomNumbers(19);
    const ends: string[] = [];
    for (let round = 0; round < 2; round += 1) ends.push(await endOf(name, damaged(sample, round, random)));
    expect(ends).toHaveLength(2);
  });
});

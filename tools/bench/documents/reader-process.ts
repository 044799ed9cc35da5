/** Reads one file several times with one reader and prints what that cost. Arguments: reader, our library, file, warm-up, passes, file for the text. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { peakOf } from './program.ts';

type Read = (bytes: Uint8Array) => Promise<string>;

/** What is used of our library, which tools do not import: it is found by its place, as a peer would be. */
interface Ours {
  readonly readDocument: (bytes: Uint8Array) => Promise<{ readonly text: string }>;
}

const [reader = '', library = '', file = '', warmUp = '0', passes = '1', textFile = ''] =
  process.argv.slice(2);

const READERS: Record<string, () => Promise<Read>> = {
  async ours() {
    const { readDocument } = (await import(pathToFileURL(library).href)) as Ours;
    return async (bytes) => (await readDocument(bytes)).text;
  },
  async mammoth() {
    const { extractRawText } = (await import('mammoth')).default;
    return async (bytes) => (await extractRawText({ buffer: Buffer.from(bytes) })).value;
  },
  async xlsx() {
    const { read, utils } = await import('@e965/xlsx');
    return async (bytes) => {
      const { Sheets } = read(bytes, { type: 'buffer' });
      return Object.values(Sheets)
        .map((sheet) => utils.sheet_to_csv(sheet, { FS: '\t' }))
        .join('\n');
    };
  },
};

const read = await READERS[reader]!();
const content = readFileSync(file);
let text = '';
for (let pass = 0; pass < Number(warmUp); pass += 1) text = await read(new Uint8Array(content));
const before = process.cpuUsage();
for (let pass = 0; pass < Number(passes); pass += 1) text = await read(new Uint8Array(content));
const { user, system } = process.cpuUsage(before);
writeFileSync(textFile, text);
process.stdout.write(
  JSON.stringify({ cpuMs: (user + system) / 1000 / Number(passes), peak: peakOf('self') }),
);

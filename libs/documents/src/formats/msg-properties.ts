import type { Storage } from './compound-file.ts';

const FIXED = '__properties_version1.0';
const ENTRY_LENGTH = 16;
/** What stands before the entries of a message, and of a recipient or an attachment. Messages inside of others have numbers there that pass for one more. */
const MESSAGE_HEADER = 32;
const PART_HEADER = 8;
const NUMBER = 0x0003;
const TIME = 0x0040;
/** Windows counts from 1601, in tenths of a microsecond. */
const EPOCH_MS = 11_644_473_600_000n;
const CODE_PAGES: Readonly<Record<number, string>> = {
  ...{ 65_001: 'utf-8', 932: 'shift_jis', 936: 'gbk', 949: 'euc-kr', 950: 'big5', 874: 'windows-874' },
  ...{ 20_866: 'koi8-r', 21_866: 'koi8-u', 50_220: 'iso-2022-jp', 51_932: 'euc-jp', 54_936: 'gb18030' },
};

/** What a message, a recipient or an attachment says about itself, by the numbers of the format. */
export interface Properties {
  readonly text: (tag: string) => string | undefined;
  readonly bytes: (tag: string) => Uint8Array | undefined;
  readonly number: (tag: string) => number | undefined;
  /** A moment in ISO 8601. */
  readonly time: (tag: string) => string | undefined;
}

/** Reads the properties of a folder. What is no Unicode is in the code page of its message. */
export function readProperties(storage: Storage, message?: Properties): Properties {
  const fixed = readFixed(storage.read(FIXED) ?? new Uint8Array());
  const number = (tag: string) => fixed.get(`${tag}${NUMBER}`)?.getUint32(8, true);
  const own = (tag: string) => number(tag) ?? message?.number(tag);
  const encoding = (tag: string) => encodingOf(own(tag) ?? own('3FFD') ?? 1252);
  const bytes = (tag: string) => storage.read(`__substg1.0_${tag}0102`);
  return {
    number,
    bytes,
    text: (tag) => {
      const unicode = storage.read(`__substg1.0_${tag}001F`);
      if (unicode !== undefined) return decode(unicode, 'utf-16le');
      const narrow = storage.read(`__substg1.0_${tag}001E`);
      if (narrow !== undefined) return decode(narrow, encoding('3FFD'));
      // The page of a message is kept as it travelled.
      const page = tag === '1013' ? bytes(tag) : undefined;
      return page && decode(page, encoding('3FDE'));
    },
    time: (tag) => {
      const view = fixed.get(`${tag}${TIME}`);
      return view && moment(view.getBigUint64(8, true));
    },
  };
}

/** Entries of a fixed length, by tag and type. */
function readFixed(bytes: Uint8Array): Map<string, DataView> {
  const header = bytes.length % ENTRY_LENGTH === 0 ? MESSAGE_HEADER : PART_HEADER;
  const entries = new Map<string, DataView>();
  for (let at = header; at + ENTRY_LENGTH <= bytes.length; at += ENTRY_LENGTH) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, ENTRY_LENGTH);
    const tag = view.getUint16(2, true).toString(16).toUpperCase().padStart(4, '0');
    entries.set(`${tag}${view.getUint16(0, true)}`, view);
  }
  return entries;
}

function encodingOf(codePage: number): string {
  if (codePage >= 1250 && codePage <= 1258) return `windows-${codePage}`;
  if (codePage >= 28_591 && codePage <= 28_606) return `iso-8859-${codePage - 28_590}`;
  return CODE_PAGES[codePage] ?? 'windows-1252';
}

function decode(bytes: Uint8Array, encoding: string): string {
  return new TextDecoder(encoding).decode(bytes).replace(/\0+$/u, '');
}

function moment(time: bigint): string | undefined {
  const date = new Date(Number(time / 10_000n - EPOCH_MS));
  return time === 0n || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

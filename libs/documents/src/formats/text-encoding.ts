import { isUtf8 } from 'node:buffer';
import { UnreadableError } from '../unreadable.ts';

/** A text, and what a person should know of how it was decoded. */
export interface DecodedText {
  readonly text: string;
  readonly warning?: string;
}

/** Marks that no text holds; a file that has them is none, whatever its bytes would mean in some encoding. */
const CONTROLS = /[\u0001-\u0008\u000E-\u001A\u001C-\u001F]/u;
/** What is looked at to tell an encoding. */
const SAMPLE = 64 * 1024;
/** In a shorter text any encoding looks like any other. */
const LEAST_BYTES = 20;
/** How sure one must be: scripts of many characters show themselves, alphabets are told by the frequency of their letters. */
const SURE_OF_SCRIPT = 70;
const SURE_OF_ALPHABET = 40;
const MARGIN = 12;
const SCRIPTS = new Set(['Shift_JIS', 'EUC-JP', 'ISO-2022-JP', 'GB18030', 'Big5', 'EUC-KR']);
/** Names of what is told, where decoders know it by another one. */
const DECODERS: Readonly<Record<string, string>> = { 'ISO-8859-1': 'windows-1252', ASCII: 'windows-1252' };

/**
 * Decodes UTF-8 and, by its byte order mark or its zeros, UTF-16; else by the encoding that the caller names; else by the one
 * that the text shows clearly, with a warning. Anything else is refused: a wrong guess would turn names and amounts into
 * other ones.
 */
export async function decodeText(bytes: Uint8Array, given?: string): Promise<DecodedText> {
  const unicode = unicodeOf(bytes);
  if (unicode !== undefined) return { text: decode(bytes, unicode) };
  if (given !== undefined) return { text: withoutControls(decode(bytes, given)) };
  const told = bytes.length < LEAST_BYTES ? undefined : await toldEncoding(bytes.subarray(0, SAMPLE));
  if (told === undefined)
    throw wrongEncoding(
      'is not valid UTF-8 text, and its encoding cannot be told. Name it in the workflow, or save the file as UTF-8',
    );
  const text = withoutControls(decode(bytes, told));
  const warning = `The file is not UTF-8; that it is ${told} was told from its text, and letters may be wrong. Name the encoding in the workflow to be sure.`;
  return { text, warning };
}

function unicodeOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return zeroedHalf(bytes.subarray(0, SAMPLE)) ?? (isUtf8(bytes) ? 'utf-8' : undefined);
}

/** In UTF-16 every other byte of most texts is zero. */
function zeroedHalf(sample: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (sample.length < LEAST_BYTES || !sample.includes(0)) return undefined;
  const zeros = [0, 0];
  for (const [at, byte] of sample.entries()) if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const many = sample.length / 5;
  if (odd > many && even * 20 < odd) return 'utf-16le';
  return even > many && odd * 20 < even ? 'utf-16be' : undefined;
}

async function toldEncoding(sample: Uint8Array): Promise<string | undefined> {
  const { analyse } = await import('chardet');
  const [best, ...others] = analyse(sample);
  if (best === undefined) return undefined;
  const encoding = DECODERS[best.name] ?? best.name;
  if (SCRIPTS.has(best.name)) return best.confidence >= SURE_OF_SCRIPT ? encoding : undefined;
  const rival = others.find(({ name }) => (DECODERS[name] ?? name) !== encoding)?.confidence ?? 0;
  return best.confidence >= SURE_OF_ALPHABET && best.confidence - rival >= MARGIN ? encoding : undefined;
}

function decode(bytes: Uint8Array, encoding: string): string {
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw wrongEncoding(
      `is not valid ${encoding.toUpperCase()} text. Save it as UTF-8 and send it again`,
      cause,
    );
  }
  if (!text.includes('\0')) return text;
  throw wrongEncoding('contains NUL bytes, so it is not a text file');
}

function withoutControls(text: string): string {
  if (!CONTROLS.test(text.slice(0, SAMPLE))) return text;
  throw wrongEncoding('is not valid UTF-8 text, and in no other encoding either');
}

function wrongEncoding(detail: string, cause?: unknown): UnreadableError {
  return new UnreadableError('wrong_encoding', `The file ${detail}.`, { cause });
}

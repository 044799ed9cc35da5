import { UnreadableError } from '../unreadable.ts';

/**
 * Decodes UTF-8 and, by its byte order mark, UTF-16. Anything else is refused: a wrong guess
 * would turn names and amounts into other ones.
 */
export function decodeText(bytes: Uint8Array): string {
  const text = decode(bytes, encodingOf(bytes));
  if (text.includes('\0')) {
    throw new UnreadableError('wrong_encoding', 'The file contains NUL bytes, so it is not a text file.');
  }
  return text;
}

function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
}

function decode(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = `The file is not valid ${encoding.toUpperCase()} text. Save it as UTF-8 and send it again.`;
    throw new UnreadableError('wrong_encoding', message, { cause });
  }
}

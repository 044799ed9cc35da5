import { UnreadableError } from '../unreadable.ts';

const HEADER_LENGTH = 16;
const COMPRESSED = 0x75465a4c;
const PLAIN = 0x414c454d;
const WINDOW = 4096;
/** What the window of each text begins with: words that every such text has. */
const DICTIONARY =
  '{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier' +
  '{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx';

/** Unpacks the RTF text of a message. @throws UnreadableError when it is damaged or larger than `most` bytes */
export function unpackRtf(packed: Uint8Array, most: number): Uint8Array {
  if (packed.length < HEADER_LENGTH) throw damaged();
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const [size, kind] = [view.getUint32(4, true), view.getUint32(8, true)];
  if (size > most)
    throw new UnreadableError('too_large', `The text of the message has more than ${most} bytes.`);
  const content = packed.subarray(HEADER_LENGTH);
  if (kind === PLAIN) return content.slice(0, size);
  if (kind !== COMPRESSED) throw damaged();
  return unpack(content, size);
}

/** Eight pieces follow each byte of marks: a letter, or a place in the window and how much of it is repeated. */
function unpack(content: Uint8Array, size: number): Uint8Array {
  const window = new Uint8Array(WINDOW);
  window.set(Buffer.from(DICTIONARY, 'latin1'));
  // Each two bytes repeat 17 at most, so a claim beyond that is none to make room for.
  const text = new Uint8Array(Math.min(size, content.length * 9 + 17));
  let [write, length, at] = [DICTIONARY.length, 0, 0];
  const put = (byte: number) => {
    window[write] = byte;
    write = (write + 1) % WINDOW;
    if (length < text.length) text[length] = byte;
    length += 1;
  };
  while (at < content.length && length < size) {
    const marks = content[at] ?? 0;
    at += 1;
    for (let bit = 0; bit < 8 && at < content.length && length < size; bit += 1) {
      if ((marks & (1 << bit)) === 0) {
        put(content[at] ?? 0);
        at += 1;
        continue;
      }
      const pair = ((content[at] ?? 0) << 8) | (content[at + 1] ?? 0);
      at += 2;
      const from = pair >> 4;
      if (from === write) return text.subarray(0, Math.min(length, text.length));
      for (let index = 0; index < (pair & 0xf) + 2; index += 1) put(window[(from + index) % WINDOW] ?? 0);
    }
  }
  if (length < size) throw damaged();
  return text.subarray(0, Math.min(length, text.length));
}

function damaged(): UnreadableError {
  return new UnreadableError('corrupt', 'The text of the message is damaged.');
}

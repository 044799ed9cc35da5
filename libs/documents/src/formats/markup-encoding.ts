import { UnreadableError } from '../unreadable.ts';

/** Browsers look for a declaration in as many bytes. */
const WINDOW = 1024;
const XML_DECLARATION = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/u;
const META_CHARSET = /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]{1,40})/iu;

/** The encoding that markup claims by its byte order mark or in its own words; undefined when it says nothing. */
export function declaredEncoding(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0x3c && second === 0) return 'utf-16le';
  if (first === 0 && second === 0x3c) return 'utf-16be';
  const head = Buffer.from(bytes.subarray(0, WINDOW)).toString('latin1');
  const claimed = XML_DECLARATION.exec(head)?.[1] ?? META_CHARSET.exec(head)?.[1];
  // Who could read that claim in single bytes knows that it is not UTF-16.
  return claimed === undefined || /^utf-?16/iu.test(claimed) ? undefined : claimed;
}

/** Decodes piece by piece; `more` says whether another follows. Throws UnreadableError for bytes that are not of the encoding. */
export function decodeBytes(encoding: string, what: string): (bytes: Uint8Array, more: boolean) => string {
  const decoder = openDecoder(encoding, what);
  return (bytes, more) => {
    try {
      return decoder.decode(bytes, { stream: more });
    } catch (cause) {
      throw new UnreadableError(
        'wrong_encoding',
        `${what} is not valid ${decoder.encoding.toUpperCase()} text.`,
        {
          cause,
        },
      );
    }
  };
}

/** The text of markup as a whole, by the encoding that it claims, else UTF-8. */
export function decodeMarkup(bytes: Uint8Array, what: string): string {
  return decodeBytes(declaredEncoding(bytes) ?? 'utf-8', what)(bytes, false);
}

function openDecoder(encoding: string, what: string) {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    throw new UnreadableError(
      'wrong_encoding',
      `${what} says that its encoding is "${encoding}", which is not known.`,
      {
        cause,
      },
    );
  }
}

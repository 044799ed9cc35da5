import { dosDecoder } from './dos-code-pages.ts';

/** Decodes the bytes of an RTF document by the encoding of the font in which they are set. */
export interface RtfText {
  /** Adds text that is decoded already. */
  readonly add: (text: string) => void;
  /** Adds what is written in single bytes. */
  readonly addBytes: (bytes: string) => void;
  readonly flush: () => void;
  readonly useFont: (font: number) => void;
  readonly setCharset: (font: number, charset: number) => void;
  readonly setCodePage: (codePage: number) => void;
}

const CODE_PAGES: Readonly<Record<number, string>> = {
  866: 'ibm866',
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  1250: 'windows-1250',
  1251: 'windows-1251',
  1252: 'windows-1252',
  1253: 'windows-1253',
  1254: 'windows-1254',
  1255: 'windows-1255',
  1256: 'windows-1256',
  1257: 'windows-1257',
  1258: 'windows-1258',
  10000: 'macintosh',
  10007: 'x-mac-cyrillic',
  65001: 'utf-8',
};

/** What a font says about its characters; 0, 1 and 2 leave it to the document. */
const CHARSETS: Readonly<Record<number, number>> = {
  77: 10000,
  128: 932,
  129: 949,
  134: 936,
  136: 950,
  161: 1253,
  162: 1254,
  163: 1258,
  177: 1255,
  178: 1256,
  186: 1257,
  204: 1251,
  222: 874,
  238: 1250,
};

const WESTERN = 1252;
const FLUSH_AT = 4096;

function decoderOf(page: number): Pick<InstanceType<typeof TextDecoder>, 'decode'> {
  return dosDecoder(page) ?? new TextDecoder(CODE_PAGES[page] ?? CODE_PAGES[WESTERN]);
}

/** Passes decoded text on to `emit`, in its order. */
export function createRtfText(emit: (text: string) => void): RtfText {
  const charsets = new Map<number, number>();
  const decoders = new Map<number, Pick<InstanceType<typeof TextDecoder>, 'decode'>>();
  let codePage = WESTERN;
  let font = -1;
  let pending = '';
  let halfDone = false;

  /** @param more whether the last character may still lack its second byte */
  function pass(more: boolean): void {
    const bytes = pending;
    pending = '';
    const page = CHARSETS[charsets.get(font) ?? 0] ?? codePage;
    const decoder = decoders.get(page) ?? decoderOf(page);
    decoders.set(page, decoder);
    const text = decoder.decode(Buffer.from(bytes, 'latin1'), { stream: more });
    halfDone = more;
    if (text !== '') emit(text);
  }

  function flush(): void {
    if (pending !== '' || halfDone) pass(false);
  }

  return {
    flush,
    add: (text) => {
      flush();
      emit(text);
    },
    addBytes: (bytes) => {
      pending += bytes;
      if (pending.length >= FLUSH_AT) pass(true);
    },
    useFont: (next) => {
      if (next === font) return;
      flush();
      font = next;
    },
    setCharset: (of, charset) => void charsets.set(of, charset),
    setCodePage: (page) => (codePage = page),
  };
}

import { UnreadableError } from '../unreadable.ts';
import { textBoxesOnce } from './docx-boxes.ts';
import type { ZipParts } from './zip-parts.ts';

/** A packed Word document as the library reads it. */
export interface WordPackage {
  readonly exists: (name: string) => boolean;
  readonly read: (name: string, encoding?: string) => Promise<Uint8Array | string>;
}

/** Around text: fields, text in the other direction, words with their reading beside them, shapes, formulas. */
const AROUND_TEXT =
  /<\/?(?:w:(?:fldSimple|dir|bdo|ruby|rubyBase)|v:(?:oval|line|polyline|curve|arc))\b[^<>]*>/gu;
/** How a word is read stands beside it for people, not instead of it. */
const READING = /<(\/?)w:rt\b[^<>]*?(\/?)>/gu;
const FORMULA_TEXT = /<(\/?)m:(r|t)\b[^<>]*?(\/?)>/gu;
/** What stands between the parts of a fraction, a power and an index. */
const OPERATORS = [
  ['</m:num>', '/'],
  ['<m:sup>', '^'],
  ['<m:sub>', '_'],
] as const;
const FORMULA = /<\/?m:[^<>]*>/gu;
const SECTIONS = [
  { start: '<![CDATA[', end: ']]>', isText: true },
  { start: '<!--', end: '-->', isText: false },
  { start: '<?', end: '?>', isText: false },
] as const;
const MARK = /<[!?]/gu;
const MARKUP = /<!|txbxContent|fldSimple|<w:(?:dir|bdo|ruby)|<v:(?:oval|line|polyline|curve|arc)|<m:/u;

/**
 * The parts of a Word document for mammoth, unpacked within our limits. Elements that it does not know it leaves out with all the text in them; where
 * that text belongs to the document they are taken off it.
 */
export function wordPackage(parts: ZipParts): WordPackage {
  return {
    exists: parts.has,
    read: async (name, encoding) => {
      const bytes = parts.read(name);
      if (encoding === 'base64') return Buffer.from(bytes).toString('base64');
      if (encoding === undefined) return bytes;
      const text = new TextDecoder(encoding).decode(bytes);
      return MARKUP.test(text) ? baredText(text) : text;
    },
  };
}

function baredText(xml: string): string {
  const withOperators = OPERATORS.reduce(
    (text, [tag, operator]) => text.replaceAll(tag, `<w:r><w:t>${operator}</w:t></w:r>`),
    textBoxesOnce(withoutSections(xml)),
  );
  return withOperators
    .replaceAll(AROUND_TEXT, '')
    .replaceAll(READING, '<$1w:del$2>')
    .replaceAll(FORMULA_TEXT, '<$1w:$2$3>')
    .replaceAll(FORMULA, '');
}

/**
 * Comments are left out, and sections of characters (CDATA), which the library leaves out, are as other text.
 * @throws UnreadableError where one never ends
 */
function withoutSections(xml: string): string {
  const pieces: string[] = [];
  let from = 0;
  for (let at = nextMark(xml, 0); at >= 0; at = nextMark(xml, from)) {
    pieces.push(xml.slice(from, at));
    const section = SECTIONS.find(({ start }) => xml.startsWith(start, at));
    from = section === undefined ? at + 2 : sectionEnd(xml, at, section);
    if (section === undefined || section.start === '<?') pieces.push(xml.slice(at, from));
    else if (section.isText)
      pieces.push(escaped(xml.slice(at + section.start.length, from - section.end.length)));
  }
  pieces.push(xml.slice(from));
  return pieces.join('');
}

/** The next `<!` or `<?`; -1 where there is none. */
function nextMark(xml: string, from: number): number {
  MARK.lastIndex = from;
  return MARK.exec(xml)?.index ?? -1;
}

function sectionEnd(xml: string, at: number, { start, end }: (typeof SECTIONS)[number]): number {
  const close = xml.indexOf(end, at + start.length);
  if (close >= 0) return close + end.length;
  throw new UnreadableError('corrupt', 'The Word document is damaged: its content ends inside a mark.');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

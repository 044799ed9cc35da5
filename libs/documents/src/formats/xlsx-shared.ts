import { getFormatFromId } from 'numfmt';
import type { ReadLimits } from '../document.ts';
import { createPieceBudget, createTextBudget } from '../layout/piece-budget.ts';
import { numberFormat, plainNumber, type ShowNumber } from './number-format.ts';
import { attribute, readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

/** The texts that cells refer to by their place. Readings of Asian characters, which stand above them, are left out. */
export function readSharedStrings(
  parts: ZipParts,
  part: string | undefined,
  { maxPieces, maxTextBytes }: ReadLimits,
): readonly string[] {
  const strings: string[] = [];
  if (part === undefined || !parts.has(part)) return strings;
  const take = createPieceBudget(maxPieces);
  const takeText = createTextBudget(maxTextBytes);
  let current: string[] = [];
  let inText = false;
  let inReading = false;
  readXmlEvents(parts.read(part), 'The list of texts of the workbook', {
    open: (element) => {
      if (element === 'rPh') inReading = true;
      inText = element === 't' && !inReading;
    },
    close: (element) => {
      inText = false;
      if (element === 'rPh') inReading = false;
      if (element !== 'si') return;
      take(1);
      strings.push(current.join(''));
      current = [];
    },
    text: (text) => {
      if (!inText) return;
      takeText(text.length);
      current.push(text);
    },
  });
  return strings;
}

/** Prepares how numbers are shown, by the number of a cell's style. */
export function readCellFormats(
  parts: ZipParts,
  part: string | undefined,
  date1904: boolean,
): (style: number) => ShowNumber {
  if (part === undefined || !parts.has(part)) return () => plainNumber;
  const { formatIds, patterns } = readStyles(parts.read(part));
  const prepared = new Map<number, ShowNumber>();
  return (style) => {
    const id = formatIds[style] ?? 0;
    let show = prepared.get(id);
    if (show === undefined) {
      show = numberFormat(patterns.get(id) ?? getFormatFromId(id), date1904);
      prepared.set(id, show);
    }
    return show;
  };
}

function readStyles(bytes: Uint8Array) {
  const formatIds: number[] = [];
  const patterns = new Map<number, string>();
  let inCellFormats = false;
  readXmlEvents(bytes, 'The styles of the workbook', {
    open: (element, attributes) => {
      const id = Number(attribute(attributes, 'numFmtId') ?? 0);
      if (element === 'cellXfs') inCellFormats = true;
      if (element === 'numFmt') patterns.set(id, attribute(attributes, 'formatCode') ?? '');
      if (element === 'xf' && inCellFormats) formatIds.push(id);
    },
    close: (element) => {
      if (element === 'cellXfs') inCellFormats = false;
    },
  });
  return { formatIds, patterns };
}

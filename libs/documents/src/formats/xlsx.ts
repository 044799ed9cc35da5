import type { ReadDocument, ReadLimits } from '../document.ts';
import { createPieceBudget, createTextBudget } from '../layout/piece-budget.ts';
import { createSheetBuilder } from '../layout/sheet-builder.ts';
import { sheetsDocument } from '../layout/sheets.ts';
import { UnreadableError } from '../unreadable.ts';
import { readOfficeMetadata } from './office-metadata.ts';
import { readRelations } from './office-relations.ts';
import { assertPages } from './page-limit.ts';
import { attribute, readXmlEvents } from './xml-events.ts';
import { readSheetCells } from './xlsx-cells.ts';
import { readCellFormats, readSharedStrings } from './xlsx-shared.ts';
import type { ZipParts } from './zip-parts.ts';

const WORKBOOK = 'xl/workbook.xml';

interface SheetEntry {
  readonly name: string;
  readonly id: string;
  readonly hidden: boolean;
}

/**
 * An Excel workbook: each visible sheet as a table, its cells as a person sees them. What computes a cell is kept and
 * never run; macros and other files that it refers to are left alone.
 */
export function readXlsx(parts: ZipParts, limits: ReadLimits): ReadDocument {
  const { entries, date1904 } = readWorkbook(parts);
  const visible = entries.filter(({ hidden }) => !hidden);
  assertPages(visible.length, 'sheets', limits);
  const relations = readRelations(parts, WORKBOOK, 'The workbook');
  const budget = {
    takeCells: createPieceBudget(limits.maxPieces),
    takeText: createTextBudget(limits.maxTextBytes),
  };
  const partOf = (type: string) => relations.values().find((relation) => relation.type === type)?.target;
  const strings = readSharedStrings(parts, partOf('sharedStrings'), limits);
  const formats = readCellFormats(parts, partOf('styles'), date1904);
  let uncomputed = 0;
  const sheets = visible.flatMap(({ name, id }) => {
    const relation = relations.get(id);
    // Sheets of nothing but a chart are of another type.
    if (relation !== undefined && relation.type !== 'worksheet') return [];
    const builder = createSheetBuilder(name, budget);
    const part = parts.read(relation?.target ?? `xl/worksheets/${id}.xml`);
    uncomputed += readSheetCells(part, `The sheet "${name}"`, { strings, formats, builder });
    return [builder.sheet()];
  });
  const warnings = workbookWarnings(parts, entries, uncomputed);
  const metadata = readOfficeMetadata(parts, 'docProps/core.xml', limits);
  const mediaType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
  const document = sheetsDocument({ kind: 'xlsx', mediaType, metadata, warnings }, sheets, limits);
  if (document.text === '')
    throw new UnreadableError('no_text', 'The Excel workbook has no visible sheet that holds anything.');
  return document;
}

function readWorkbook(parts: ZipParts) {
  const entries: SheetEntry[] = [];
  let date1904 = false;
  readXmlEvents(parts.read(WORKBOOK), 'The workbook', {
    open: (element, attributes) => {
      if (element === 'workbookPr') date1904 = isTrue(attribute(attributes, 'date1904'));
      if (element !== 'sheet') return;
      const name = attribute(attributes, 'name') ?? '';
      const id = attribute(attributes, 'id', { prefixed: true }) ?? '';
      const hidden = (attribute(attributes, 'state') ?? 'visible') !== 'visible';
      entries.push({ name, id, hidden });
    },
  });
  return { entries, date1904 };
}

/** Booleans of XML: 1 and true. */
function isTrue(value: string | undefined): boolean {
  return value === '1' || value === 'true';
}

function workbookWarnings(parts: ZipParts, entries: readonly SheetEntry[], uncomputed: number): string[] {
  const warnings = entries
    .filter(({ hidden }) => hidden)
    .map(({ name }) => `The hidden sheet "${name}" was left out.`);
  if (uncomputed > 0)
    warnings.push(`${uncomputed} formulas have no stored value; their text stands in its place.`);
  if (parts.has('xl/vbaProject.bin')) warnings.push('The macros of the workbook were ignored.');
  if (parts.names.values().some((name) => name.startsWith('xl/externalLinks/')))
    warnings.push('The workbook refers to other files, which were not looked at.');
  return warnings;
}

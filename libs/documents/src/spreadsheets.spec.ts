import { describe, expect, it } from '@jest/globals';
import { openDocument, rawWorkbook, workbook } from './fixtures/office-files.fixture.ts';
import { PROSE, wordRecall } from './fixtures/harbour.fixture.ts';
import { readDocument } from './read-document.ts';

/** The cells of a sheet, header and all. */
async function cellsOf(bytes: Uint8Array): Promise<readonly (readonly string[])[]> {
  const { tables } = await readDocument(bytes);
  return tables.flatMap(({ header, rows }) => [header, ...rows]);
}

describe('an Excel workbook', () => {
  it('is a table for each visible sheet, its cells as a person sees them', async () => {
    const { kind, pageCount, tables, text } = await readDocument(workbook());
    expect([kind, pageCount, tables.map(({ name }) => name)]).toEqual(['xlsx', 2, ['Invoice', 'Berths']]);
    expect(tables[0]?.header).toEqual(['Invoice No', 'XL-2026/9']);
    expect(tables[0]?.rows.slice(0, 3)).toEqual([
      ['Invoice date', '2026-03-01'],
      ['Deck', 'Description', 'Qty', 'Amount', 'Paid'],
      ['Upper', 'Mooring rope', '2', '97.80 €', 'TRUE'],
    ]);
    expect(text).toContain('Farbe\t3\t99.00 €\tTRUE\nTotal due\t\t\t1431.30\n\nBerth\nNorth 7');
  });

  it('says what its merged cells say in each of their rows', async () => {
    const { tables, text } = await readDocument(workbook());
    expect(tables[0]?.rows[3]).toEqual(['Upper', 'Öl für Winden', '1', '1,234.50 €', 'FALSE']);
    expect(text.match(/Upper/gu)).toHaveLength(1);
  });

  it('keeps what computes a cell beside the value that was stored', async () => {
    const { tables } = await readDocument(workbook());
    expect(tables[0]?.formulas).toEqual(new Map([['D8', '=SUM(D5:D7)']]));
    const uncomputed = await readDocument(
      rawWorkbook('<row r="1"><c r="A1"><f>1+1</f></c><c r="B1"><v>3</v></c></row>'),
    );
    expect(uncomputed.text).toBe('=1+1\t3');
    expect(uncomputed.warnings).toEqual(['1 formulas have no stored value; their text stands in its place.']);
  });

  it('leaves hidden sheets out and says so', async () => {
    const { warnings, metadata, text } = await readDocument(workbook());
    expect(warnings).toEqual(['The hidden sheet "Internal" was left out.']);
    expect(text).not.toContain('Purchase');
    expect(metadata).toMatchObject({ title: 'Invoice of the yard', author: 'Nordkai' });
  });

  const shown: readonly (readonly [pattern: string, value: number, seen: string])[] = [
    ['dd.mm.yyyy', 46_082, '01.03.2026'],
    ['d/m/yyyy', 46_082, '2026-03-01'],
    ['mm-dd-yy', 46_102, '03-21-26'],
    ['[$-407]d. mmmm yyyy', 46_082, '1. März 2026'],
    ['yyyy-mm-dd hh:mm', 46_082.604_166_67, '2026-03-01 14:30'],
    ['dd.mm.yyyy hh:mm', 46_082.604_166_67, '2026-03-01 14:30:00'],
    ['mmm yy', 46_082, 'Mar 26'],
    ['h:mm', 0.604_166_67, '14:30'],
    ['[h]:mm', 1.5, '36:00'],
    ['0.0%', 0.19, '19.0%'],
    ['General', 4_006_381_333_931, '4006381333931'],
    ['General', 0.1 + 0.2, '0.3'],
    ['#,##0.00;(#,##0.00)', -12.5, '(12.50)'],
    ['00000', 817, '00817'],
    ['nonsense [[', 7, '7'],
  ];

  it.each(shown)('shows a number in the format %s: %d is %s', async (pattern, value, seen) => {
    const numFmts = `<numFmt numFmtId="170" formatCode="${pattern.replaceAll('"', '&quot;')}"/>`;
    const bytes = rawWorkbook(`<row r="1"><c r="A1" s="1"><v>${value}</v></c></row>`, { numFmts });
    expect((await readDocument(bytes)).text).toBe(seen);
  });

  it('counts its days from 1904 where it says so', async () => {
    const numFmts = '<numFmt numFmtId="170" formatCode="yyyy-mm-dd"/>';
    const cell = '<row r="1"><c r="A1" s="1"><v>44620</v></c></row>';
    const bytes = rawWorkbook(cell, { numFmts, workbookPr: '<workbookPr date1904="1"/>' });
    expect((await readDocument(bytes)).text).toBe('2026-03-01');
  });

  it('may hold texts in its cells, in runs, without addresses and with errors', async () => {
    const strings = '<si><r><t>Ne</t></r><r><t xml:space="preserve">tto </t></r><rPh><t>x</t></rPh></si>';
    const cells =
      '<row><c t="s"><v>0</v></c><c t="inlineStr"><is><t>in</t></is></c><c t="e"><v>#DIV/0!</v></c></row>' +
      '<row r="7"><c r="C7" t="str"><f>A1</f><v>far</v></c></row>';
    expect(await cellsOf(rawWorkbook(cells, { strings }))).toEqual([
      ['Netto', 'in', '#DIV/0!'],
      ['', '', 'far'],
    ]);
  });

  it('loses no word of any script', async () => {
    const rows = PROSE.map(
      (text, index) => `<row r="${index + 1}"><c t="inlineStr"><is><t>${text}</t></is></c></row>`,
    );
    expect(wordRecall((await readDocument(rawWorkbook(rows.join('')))).text, PROSE)).toBe(1);
  });
});

describe('an OpenDocument spreadsheet', () => {
  const cell = (text: string, attributes = 'office:value-type="string"') =>
    `<table:table-cell ${attributes}><text:p>${text}</text:p></table:table-cell>`;
  const sheet = (name: string, rows: string, style = 'ta1') =>
    `<table:table table:name="${name}" table:style-name="${style}">${rows}</table:table>`;

  it('is read as another program wrote it', async () => {
    const { kind, tables } = await readDocument(workbook('ods'));
    expect([kind, tables[0]?.name]).toEqual(['ods', 'Invoice']);
    expect(tables[0]?.rows.at(-2)).toEqual(['Lower', 'Farbe', '3', '99', 'TRUE']);
    expect(tables[0]?.formulas?.get('D8')).toBe('=SUM([.D5:.D7])');
  });

  it('shows dates, booleans and repeated cells, and leaves comments and hidden sheets out', async () => {
    const rows = `<table:table-row>
        ${cell('03/01/26', 'office:value-type="date" office:date-value="2026-03-01"')}
        ${cell('1. März 2026', 'office:value-type="date" office:date-value="2026-03-01"')}
        ${cell('WAHR', 'office:value-type="boolean" office:boolean-value="true"')}
      </table:table-row><table:table-row table:number-rows-repeated="2">
        ${cell('x', 'office:value-type="string" table:number-columns-repeated="2"')}
        <table:table-cell><office:annotation><text:p>a comment</text:p></office:annotation>
          <text:p>two<text:s text:c="2"/>words</text:p></table:table-cell>
        <table:table-cell table:number-columns-repeated="16380"/>
      </table:table-row><table:table-row table:number-rows-repeated="1048573"><table:table-cell/></table:table-row>`;
    const styles =
      '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>';
    const body =
      sheet('Seen', rows) + sheet('Unseen', `<table:table-row>${cell('no')}</table:table-row>`, 'ta2');
    const document = await readDocument(openDocument('spreadsheet', body, styles));
    expect(document.text).toBe('2026-03-01\t1. März 2026\tTRUE\nx\tx\ttwo  words\nx\tx\ttwo  words');
    expect(document.warnings).toEqual(['The hidden sheet "Unseen" was left out.']);
    expect(document.metadata).toEqual({ title: 'A title' });
  });
});

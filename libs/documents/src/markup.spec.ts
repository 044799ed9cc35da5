import { describe, expect, it } from '@jest/globals';
import mammoth from 'mammoth';
import { readFile } from 'node:fs/promises';
import { openDocument, presentation, shape, workbook } from './fixtures/office-files.fixture.ts';
import { PROSE, wordRecall } from './fixtures/harbour.fixture.ts';
import { readDocument, type ReadOptions } from './read-document.ts';

function read(content: string | Uint8Array, options: ReadOptions = {}) {
  return readDocument(typeof content === 'string' ? new TextEncoder().encode(content) : content, options);
}

describe('an HTML page', () => {
  it('is read in the order in which it is shown', async () => {
    const { kind, text, metadata } = await read(`<!doctype html><html><head><title>The
      quay</title><meta name="author" content="A. Pilot"><style>p { color: red }</style></head>
      <body><h1>Ships  at\n the quay</h1><p>Two<br>lines of <b>bo</b>ld&nbsp;text<p>No end tag
      <script>document.write('never')</script><pre>a  b\n  c</pre><ul><li>one<li>two</ul></body></html>`);
    expect(kind).toBe('html');
    expect(text).toBe('Ships at the quay\nTwo\nlines of bold text\nNo end tag\na  b\n  c\none\ntwo');
    expect(metadata).toEqual({ title: 'The quay', author: 'A. Pilot' });
  });

  it('has tables with cells over several rows and columns', async () => {
    const { tables } = await read(`<table><thead><tr><th>Deck<th>Item<th colspan=2>Amount<th>Note</thead>
      <tr><td rowspan=2>Upper<td>Rope<td>97.80<td>EUR<td>a</tr><tr><td>Oil<td>33.00<td>EUR<td>b</tr></table>`);
    expect(tables).toEqual([
      {
        header: ['Deck', 'Item', 'Amount', '', 'Note'],
        rows: [
          ['Upper', 'Rope', '97.80', 'EUR', 'a'],
          ['Upper', 'Oil', '33.00', 'EUR', 'b'],
        ],
      },
    ]);
  });

  it('has tables inside of tables that only arrange the page', async () => {
    const { tables, text } = await read(`<table><tr><td>Logo</td><td><p>Address</p>
      <table><tr><th>Item</th><th>Qty</th></tr><tr><td>Rope</td><td>2</td></tr></table> below</td><td>right</td></tr>
      <tr><td>Total</td><td>97.80</td></tr></table>`);
    expect(tables.map(({ header }) => header)).toEqual([
      ['Item', 'Qty'],
      ['Total', '97.80'],
    ]);
    expect(text).toBe('Logo\nAddress\nItem\tQty\nRope\t2\nbelow\nright\nTotal\t97.80');
  });

  it('leaves out what is not shown and says so', async () => {
    const { text, warnings } = await read(
      '<div>Total <span style="color:red; display: none">1</span>12</div><p hidden>x<p>y',
    );
    expect(text).toBe('Total 12\ny');
    expect(warnings).toEqual(['Parts of the page that are not shown were left out.']);
  });

  it('says when its end may be missing', async () => {
    const { text, warnings } = await read('<html lang="en"><body><p>Total: 1');
    expect([text, warnings]).toEqual(['Total: 1', ['The page has no end mark, so its end may be missing.']]);
    expect((await read('<!doctype html><p>Total: 12')).warnings).toEqual([]);
  });

  it('made by other programs keeps every word', async () => {
    const buffer = await readFile(new URL('./fixtures/files/beside.docx', import.meta.url));
    const { value } = await mammoth.convertToHtml({ buffer });
    const original = (await readDocument(new Uint8Array(buffer))).text;
    expect(wordRecall((await read(value)).text, [original])).toBeGreaterThanOrEqual(0.99);
    const { tables } = await read(workbook('html'));
    expect(tables[0]?.rows[3]).toEqual(['Upper', 'Mooring rope', '2', '97.80 €', 'TRUE']);
  });

  it.each(['windows-1252', 'iso-8859-15', 'utf-16le'] as const)('in %s is decoded', async (encoding) => {
    const html = `<html><head><meta charset="${encoding}"></head><p>Fähre</p></html>`;
    const bytes =
      encoding === 'utf-16le' ? Buffer.from(`\ufeff${html}`, 'utf16le') : Buffer.from(html, 'latin1');
    expect((await read(new Uint8Array(bytes))).text).toBe('Fähre');
  });

  it('has neither soft hyphens nor ligatures nor marks of direction', async () => {
    const { text } = await read('<p>Ha\u00adfen\u200b Sch\uFB03 \u202e\u05e9\u202c \uFB01nal</p>');
    expect(text).toBe('Hafen Schffi \u05e9 final');
  });
});

describe('an XML file', () => {
  const order = `<?xml version="1.0" encoding="ISO-8859-1"?><!-- c --><o:order xmlns:o="x" no="17">
    <buyerName>Fähre &amp; S\u00f6hne</buyerName><o:line sku="rope"><n>2</n></o:line><o:line sku="oil"><n>1</n></o:line>
    <note>Mixed <b>text</b> here<![CDATA[ <raw>]]></note><empty/></o:order>`;

  it('is read as text and as what it would be as JSON', async () => {
    const { kind, text, json, tables } = await read(new Uint8Array(Buffer.from(order, 'latin1')));
    expect(kind).toBe('xml');
    expect(text).toBe('Fähre & Söhne\n2\n1\nMixed\ntext\nhere <raw>');
    expect(json).toEqual({
      order: {
        no: '17',
        buyerName: 'Fähre & Söhne',
        line: [
          { sku: 'rope', n: '2' },
          { sku: 'oil', n: '1' },
        ],
        note: { '#text': ['Mixed', 'here <raw>'], b: 'text' },
        empty: '',
      },
    });
    expect(tables).toEqual([
      {
        header: ['sku', 'n'],
        rows: [
          ['rope', '2'],
          ['oil', '1'],
        ],
      },
    ]);
  });

  it('is recognised without a declaration, and text that only looks like it stays text', async () => {
    expect((await read('<order><no>17</no></order>')).kind).toBe('xml');
    expect((await read('<order><no>17</order>')).kind).toBe('txt');
    expect((await read('<stdin> is where it comes from')).kind).toBe('txt');
    expect((await read('<?xml version="1.0"?><html><p>A page</p></html>')).kind).toBe('html');
  });
});

describe('other documents of several parts', () => {
  it('are texts of LibreOffice', async () => {
    const row = (...cells: string[]) =>
      `<table:table-row>${cells.map((cell) => `<table:table-cell><text:p>${cell}</text:p></table:table-cell>`).join('')}</table:table-row>`;
    const body = `<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h>Heading</text:h>
      <text:p>A <text:span>word</text:span><text:tab/>and<text:s text:c="3"/>gaps<text:note><text:p>foot</text:p></text:note>
      over
      lines<text:line-break/>x</text:p><table:table>${row('Item', 'Qty')}${row('Rope', '2')}</table:table>
      ${PROSE.map((text) => `<text:p>${text}</text:p>`).join('')}`;
    const { kind, text, tables, metadata } = await read(openDocument('text', body));
    expect(text).toContain('Heading\nA word\tand   gaps over lines\nx\nItem\tQty\nRope\t2\n');
    expect(wordRecall(text, PROSE)).toBe(1);
    expect([kind, tables, metadata]).toEqual([
      'odt',
      [{ header: ['Item', 'Qty'], rows: [['Rope', '2']] }],
      { title: 'A title' },
    ]);
  });

  it('are presentations of LibreOffice', async () => {
    const page = (text: string) =>
      `<draw:page><draw:frame><draw:text-box><text:p>${text}</text:p></draw:text-box></draw:frame>
       <presentation:notes><text:p>said aloud</text:p></presentation:notes></draw:page>`;
    const { kind, pageCount, text, lines } = await read(
      openDocument('presentation', PROSE.map(page).join('')),
    );
    expect([kind, pageCount, lines.at(-1)?.page]).toEqual(['odp', 7, 7]);
    expect([wordRecall(text, PROSE), text.includes('aloud')]).toEqual([1, false]);
  });

  it('are presentations of PowerPoint, in the order of their slides', async () => {
    const table = `<a:tbl><a:tr><a:tc rowSpan="2"><a:p><a:r><a:t>Deck</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>Qty</a:t></a:r></a:p></a:tc></a:tr>
      <a:tr><a:tc vMerge="1"><a:p/></a:tc><a:tc><a:p><a:r><a:t>2</a:t></a:r></a:p></a:tc></a:tr></a:tbl>`;
    const slides = [shape('First', 'Berth: 7'), table, shape('hidden'), shape(...PROSE)];
    const { kind, pageCount, text, tables, warnings, lines } = await read(presentation(slides, [2]));
    expect([kind, pageCount, warnings]).toEqual(['pptx', 4, ['The hidden slide 3 was left out.']]);
    expect(text.startsWith('First\nBerth: 7\n\nDeck\tQty\n\t2\n\nThe harbour')).toBe(true);
    expect(wordRecall(text, PROSE)).toBe(1);
    expect(tables).toEqual([{ header: ['Deck', 'Qty'], rows: [['Deck', '2']] }]);
    expect(lines[0]).toMatchObject({ page: 1, segments: [{ text: 'First' }] });
  });

  it('are Markdown, by name, with its tables', async () => {
    const source =
      '# Head\n\nSome **bold** [link](http://a.example) `code`\n\n| Item | Qty |\n|---|--:|\n| a\\|b | 2 |\n\n```\n# kept\n```\n';
    const { kind, text, tables } = await read(source, { name: 'README.md' });
    expect([kind, text]).toEqual(['md', 'Head\nSome bold link code\nItem\tQty\na|b\t2\n# kept']);
    expect(tables[0]).toEqual({ header: ['Item', 'Qty'], rows: [['a|b', '2']] });
  });
});

describe('an RTF document', () => {
  it('is read with its encodings, tables and without what is not text', async () => {
    const { kind, text, tables } =
      await read(String.raw`{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset204 Arial Cyr;}}
      {\colortbl;\red0\green0\blue0;}{\*\generator Word;}{\info{\title T}}\pard F\'e4hre \u8364?\u-10179?\u-8704? {\b bold}{\v hidden}\par {\f1 \'cf\'f0\'e8\'e2\'e5\'f2}\par {\field{\*\fldinst HYPERLINK "http://a.example"}{\fldrslt a link}}\tab\{x\}\par
      {\pict\pngblip\bin5 }}{\{ abc}\trowd\pard\intbl Item\cell Qty\cell\row\trowd\pard\intbl R\'f6pe\cell 2\cell\row\pard After\par}`);
    expect(kind).toBe('rtf');
    expect(text).toBe('Fähre €😀 bold\nПривет\na link\t{x}\nItem\tQty\nRöpe\t2\nAfter');
    expect(tables).toEqual([{ header: ['Item', 'Qty'], rows: [['Röpe', '2']] }]);
  });

  it.each([
    [String.raw`{\rtf1\mac caf\'8e\par}`, 'café'],
    [String.raw`{\rtf1\pc caf\'82 \'9e\par}`, 'café ₧'],
    [String.raw`{\rtf1\pca caf\'82 \'9b\par}`, 'café ø'],
    [String.raw`{\rtf1\ansi\ansicpg850 \'d0\'ff\'b3\par}`, 'ð\u00A0│'],
    [String.raw`{\rtf1\ansi\ansicpg866 \'8f\'e0\'a8\par}`, 'При'],
    [String.raw`{\rtf1\ansi\ansicpg10007 \'91\'f7\'de\'f2\par}`, 'Счёт'],
  ])('%s is read as its code page says', async (source, expected) => {
    expect((await read(source)).text).toBe(expected);
  });

  it('loses no word of any script', async () => {
    const escaped = PROSE.map((text) =>
      [...text]
        .flatMap((character) => Array.from({ length: character.length }, (_, at) => character.charCodeAt(at)))
        .map((code) =>
          code < 128 ? String.fromCharCode(code) : `\\u${code > 32_767 ? code - 65_536 : code}?`,
        )
        .join(''),
    );
    const { text } = await read(`{\\rtf1\\ansi ${escaped.join('\\par ')}\\par}`);
    expect(wordRecall(text, PROSE)).toBe(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { PDFDocument } from 'pdf-lib';
import { wordDocument } from './fixtures/office-files.fixture.ts';
import { longPdf, turnedPdf } from './fixtures/pdf-layouts.fixture.ts';
import { readDocument, type ReadOptions } from './read-document.ts';
import { textBoxesOnce } from './formats/docx-boxes.ts';

async function fixture(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`./fixtures/files/${name}`, import.meta.url)));
}

function read(content: string | Uint8Array, options: ReadOptions = {}) {
  return readDocument(typeof content === 'string' ? new TextEncoder().encode(content) : content, options);
}

async function reasonOf(content: string | Uint8Array, options: ReadOptions = {}): Promise<string> {
  const error: unknown = await read(content, options).then(
    () => 'it was read',
    (thrown: unknown) => thrown,
  );
  const { name, reason, message } = error as { name: string; reason: string; message: string };
  expect(name).toBe('UnreadableError');
  expect(message).toMatch(/^[A-Z].*\.$/u);
  return `${reason}: ${message}`;
}

describe('the type of a file', () => {
  it.each([
    ['Dear reader,\nall is well.', undefined, 'txt'],
    ['a,b,c\n1,2,3\n', undefined, 'csv'],
    ['a;b\n1;2\n', 'x.dat', 'csv'],
    ['{"a":1}', undefined, 'json'],
    ['[1,2]', 'a.txt', 'json'],
    ['{not json', 'a.txt', 'txt'],
    ['a,b,c\n1,2,3\n', 'a.txt', 'txt'],
    ['one cell only', 'a.csv', 'csv'],
    ['12', 'a.json', 'json'],
  ])('of %j named %s is %s', async (content, name, kind) => {
    expect((await read(content, { name })).kind).toBe(kind);
  });

  it('is told by content, whatever the name says', async () => {
    expect((await read(await fixture('beside.pdf'), { name: 'a.txt' })).kind).toBe('pdf');
    expect((await read(await fixture('beside.docx'), { name: 'a.pdf' })).kind).toBe('docx');
    expect((await read('<!DOCTYPE html><p>x</p>', { name: 'a.csv' })).kind).toBe('html');
    expect((await read('<?xml version="1.0"?><a>1</a>', { name: 'a.html' })).kind).toBe('xml');
    expect((await read('{\\rtf1 hello}', { name: 'a.xlsx' })).kind).toBe('rtf');
    expect((await read('<p align="center">x</p>\n\n# Text', { name: 'a.md' })).kind).toBe('md');
  });
});

describe('a text file', () => {
  it('is read as UTF-8 and UTF-16 with a byte order mark', async () => {
    const utf16 = new Uint8Array(Buffer.from('\ufeffFähre', 'utf16le'));
    expect((await read(utf16)).text).toBe('Fähre');
    expect((await read(utf16.map((_, at) => utf16[at ^ 1] ?? 0))).text).toBe('Fähre');
    expect((await read('\ufeffFähre')).text).toBe('Fähre');
  });

  it('has lines with segments at their places, through tabs, bars and rules', async () => {
    const { lines } = await read('Item   Qty\n-----  ---\nRope\t12\r\n| a | b c |', { name: 'a.txt' });
    const seen = lines.map(({ segments }) => segments.map(({ text, left }) => `${text}@${left}`));
    expect(seen).toEqual([['Item@0', 'Qty@7'], [], ['Rope@0', '12@8'], ['a@2', 'b c@6']]);
  });
});

describe('a PDF', () => {
  it('is read in rows, and columns of prose one after the other', async () => {
    const { text } = await read(await fixture('two-columns.pdf'));
    expect(text).toContain('every\ndelivery of stone for the outer wall.\n\nShips of up to nine');
    expect(text).toMatch(/^News from the harbour.*columns\n\nThe harbour/u);
    expect(text).toMatch(/Total due {2}17\.50$/u);
  });

  it('shows its table', async () => {
    const { tables } = await read(await fixture('beside.pdf'));
    expect(tables[0]?.header).toEqual(['Description', 'Qty', 'Unit price', 'Amount']);
    expect(tables[0]?.rows).toHaveLength(3);
    expect(tables[0]?.rows[1]).toEqual(['Fender, cylindrical', '12', '55.00', '660.00']);
  });

  it('on a turned page is read upright', async () => {
    const { text } = await read(await turnedPdf());
    expect(text).toBe('Invoice No: T-90\nTotal due\n12.50');
  });

  it('of 300 pages is read to its end', async () => {
    const document = await read(await longPdf(300, 2));
    expect(document.pageCount).toBe(300);
    expect(document.text).toContain('Report, page 300 of 300');
    expect(document.lines.at(-1)).toMatchObject({ page: 300, segments: [{ text: 'Invoice No: LONG-300' }] });
  });
});

describe('a Word document', () => {
  it('gives paragraphs and tables in their order', async () => {
    const { text, tables } = await read(await fixture('below.docx'));
    expect(text.split('\n').slice(0, 2)).toEqual([
      'Nordkai Werft GmbH',
      'Invoice No\tInvoice date\tCustomer\tPaid\tTotal due',
    ]);
    expect(tables.map(({ header }) => header[0])).toEqual(['Invoice No', 'Description']);
  });

  it('keeps the lines of a cell', async () => {
    const { tables } = await read(await fixture('cell.docx'));
    expect(tables[0]?.header).toEqual(['Invoice number\nP9/2026/31', 'Invoice date\n2026-03-12']);
  });
});

describe('the text of a Word document', () => {
  const run = (text: string) => `<w:r><w:t>${text}</w:t></w:r>`;
  const textOf = async (paragraph: string) =>
    (await read(wordDocument(`<w:p>${run('Dear ')}${paragraph}</w:p>`))).text;

  it('holds that of fields', async () => {
    expect(await textOf(`<w:fldSimple w:instr=" MERGEFIELD Name ">${run('Ms Pilot')}</w:fldSimple>`)).toBe(
      'Dear Ms Pilot',
    );
  });

  it('holds that in the other direction', async () => {
    expect(await textOf(`<w:bdo w:val="ltr">${run('A')}</w:bdo><w:dir w:val="ltr">${run('B')}</w:dir>`)).toBe(
      'Dear AB',
    );
  });

  it('holds words without their reading beside them', async () => {
    const word = `<w:r><w:ruby><w:rubyPr/><w:rt/><w:rt>${run('みなと')}</w:rt><w:rubyBase>${run('港')}</w:rubyBase></w:ruby></w:r>`;
    expect(await textOf(word)).toBe('Dear 港');
  });

  it('holds formulas and what stands in shapes', async () => {
    const text = (content: string) => `<m:r><m:rPr/><m:t>${content}</m:t></m:r>`;
    expect(await textOf(`<m:oMath>${text('a+b')}<m:r><m:t/></m:r></m:oMath>`)).toBe('Dear a+b');
    const half = `<m:f><m:num>${text('1')}</m:num><m:den>${text('2')}</m:den></m:f>`;
    const power = `<m:sSup><m:e>${text('10')}</m:e><m:sup>${text('3')}</m:sup></m:sSup>`;
    expect(await textOf(`<m:oMath>${half}</m:oMath> <m:oMath>${power}</m:oMath>`)).toBe('Dear 1/210^3');
    const box = `<v:textbox><w:txbxContent><w:p>${run('in a box')}</w:p></w:txbxContent></v:textbox>`;
    expect(await textOf(`<w:r><w:pict><v:oval>${box}</v:oval></w:pict></w:r>`)).toContain('in a box');
  });
});

describe('a text box of a Word document', () => {
  const box = (text: string) => `<w:txbxContent><w:p><w:r><w:t>${text}</w:t></w:r></w:p></w:txbxContent>`;
  const shape = (text: string) =>
    `<w:drawing><wp:anchor><a:graphic><wps:wsp><wps:txbx>${box(text)}</wps:txbx></wps:wsp></a:graphic></wp:anchor></w:drawing>`;
  const choice = (text: string) => `<mc:Choice Requires="wps">${shape(text)}</mc:Choice>`;
  const fallback = (text: string) =>
    `<mc:Fallback><w:pict><v:shape><v:textbox>${box(text)}</v:textbox></v:shape></w:pict></mc:Fallback>`;
  const alternatives = (inside: string) => `<mc:AlternateContent>${inside}</mc:AlternateContent>`;

  it.each([
    ['with a fallback', alternatives(choice('in a box') + fallback('in a box'))],
    ['without a fallback', alternatives(choice('in a box'))],
    ['with an empty fallback', `${alternatives(`${choice('in a box')}<mc:Fallback/>`)}`],
    ['in a drawing alone', shape('in a box')],
  ])('is read once %s', async (_, inside) => {
    const { text } = await read(wordDocument(`<w:p><w:r><w:t>Dear</w:t>${inside}</w:r></w:p>`));
    expect(text.split(/\s*\n\s*/u)).toEqual(['Dear', 'in a box']);
  });

  it('in another is read once too', async () => {
    const inner = `</w:t>${alternatives(choice('inner'))}<w:t>`;
    const { text } = await read(
      wordDocument(
        `<w:p><w:r>${alternatives(choice(`outer${inner}`))}</w:r></w:p><w:p><w:r><w:t>end</w:t></w:r></w:p>`,
      ),
    );
    expect(text.match(/outer|inner|end/gu)).toEqual(['outer', 'inner', 'end']);
  });

  it('is read once where its text is a CDATA section, comments left out', async () => {
    const cdata = '<![CDATA[Rope & <Fender>]]><!-- <w:drawing> <![CDATA[ -->';
    const { text } = await read(wordDocument(`<w:p><w:r><w:t>${cdata}</w:t></w:r></w:p>`));
    expect(text).toBe('Rope & <Fender>');
  });

  it('is read beside an instruction for other programs that looks like the begin of a comment', async () => {
    const { text } = await read(wordDocument('<?a <!-- ?><w:p><w:r><w:t>after it</w:t></w:r></w:p>'));
    expect(text).toBe('after it');
  });

  it('is left as it is where elements are nested a thousand times: each level would cost a copy', () => {
    const nested = (levels: number) =>
      `${'a<mc:AlternateContent>b<mc:Choice>c'.repeat(levels)}${shape('y')}${'</mc:Choice></mc:AlternateContent>'.repeat(levels)}`;
    expect(textBoxesOnce(nested(1_000))).toBe(nested(1_000));
    expect(textBoxesOnce(nested(5))).toContain('<w:pict>');
  });

  it('that is never closed is damage', async () => {
    for (const broken of ['<![CDATA[', '<!--'])
      expect(
        await reasonOf(wordDocument(`<w:p><w:r><w:t>a</w:t></w:r></w:p>${broken.repeat(50)}`)),
      ).toContain('corrupt');
  });
});

describe('what cannot be read', () => {
  it('is empty', async () => {
    expect(await reasonOf('')).toBe('empty: The file is empty.');
    expect(await reasonOf(' \n\t ')).toContain('empty: The file holds nothing but white space');
  });

  it('is too large, in bytes, as text, in values or in pages', async () => {
    expect(await reasonOf('0123456789', { limits: { maxBytes: 9 } })).toContain(
      'too_large: The file has 10 bytes; at most 9',
    );
    expect(await reasonOf('0123456789', { limits: { maxTextBytes: 9 } })).toContain('too_large');
    expect(await reasonOf('[1,2,3,4]', { limits: { maxJsonMarks: 3 } })).toContain(
      'too_large: The JSON file',
    );
    expect(await reasonOf('a,b\n1,2', { limits: { maxPieces: 3 } })).toContain(
      'too_large: The file has more than 3',
    );
    const limits = { maxPages: 2 };
    expect(await reasonOf(await longPdf(3), { limits })).toBe(
      'too_many_pages: The PDF has 3 pages; at most 2 are allowed.',
    );
  });

  it('is no text, and says what it looks like', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
      'base64',
    );
    expect(await reasonOf(new Uint8Array(png))).toContain(
      'unsupported_type: The file looks like PNG (image/png)',
    );
    expect(await reasonOf('%!PS-Adobe-3.0')).toContain('looks like a PostScript file');
    expect(await reasonOf(Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 1, 2, 3, 4))).toContain('old format');
  });

  it('is in another encoding or has NUL bytes', async () => {
    expect(await reasonOf(Uint8Array.of(0x46, 0xe4, 0x68, 0x72, 0x65))).toContain(
      'wrong_encoding: The file is not valid UTF-8',
    );
    expect(await reasonOf('a\0b')).toContain('wrong_encoding: The file contains NUL bytes');
  });

  it('is encrypted', async () => {
    expect(await reasonOf(await fixture('encrypted.pdf'))).toBe(
      'encrypted: The PDF is protected with a password.',
    );
    const office = Buffer.concat([
      Buffer.from([0xd0, 0xcf, 0x11, 0xe0]),
      Buffer.from('EncryptedPackage', 'utf16le'),
    ]);
    expect(await reasonOf(new Uint8Array(office))).toContain('encrypted: The Office document');
  });

  it('is truncated', async () => {
    const pdf = await fixture('beside.pdf');
    const docx = await fixture('beside.docx');
    expect(await reasonOf(pdf.subarray(0, pdf.length / 2))).toContain('truncated: The PDF has no end mark');
    expect(await reasonOf(docx.subarray(0, docx.length / 2))).toContain('truncated: The file is packed');
    expect(await reasonOf('{"a": [1, 2', { name: 'a.json' })).toContain('truncated: The JSON file');
    expect(await reasonOf('a,b\n1,"2\n3,4', { name: 'a.csv' })).toContain('truncated: The CSV file');
  });

  it('is damaged', async () => {
    const docx = await fixture('beside.docx');
    const at = Buffer.from(docx).indexOf('word/document.xml') + 60;
    docx.fill(0x55, at, at + 40);
    expect(await reasonOf(docx)).toContain('corrupt: The file is packed, but damaged');
    expect(await reasonOf('%PDF-1.7\nnothing here\n%%EOF')).toContain('corrupt: The PDF is damaged');
    expect(await reasonOf('{"a": nope}', { name: 'a.json' })).toContain(
      'corrupt: The file is not valid JSON',
    );
  });

  it('unpacks to more than is allowed, even when it lies about its size', async () => {
    const honest = await fixture('beside.docx');
    const limits = { maxUnpackedBytes: 2000 };
    expect(await reasonOf(honest, { limits })).toContain('unpacks_too_large');
    const liar = Buffer.from(await fixture('beside.docx'));
    for (let at = liar.indexOf('PK\x01\x02'); at >= 0; at = liar.indexOf('PK\x01\x02', at + 4))
      liar.writeUInt32LE(1, at + 24);
    expect(await reasonOf(new Uint8Array(liar), { limits })).toContain('unpacks_too_large');
  });

  it('has more pieces than are allowed, found when they are asked for', async () => {
    const document = await read('a  b  c\n'.repeat(10), { name: 'a.txt', limits: { maxPieces: 20 } });
    expect(() => document.lines).toThrow('more than 20 separate pieces');
  });

  it('has no text', async () => {
    expect(await reasonOf(await fixture('blank.pdf'))).toContain('no_text: The PDF has no text layer');
  });

  it('is a PDF one of whose pages is broken, instead of a PDF with a page less', async () => {
    const pdf = await PDFDocument.load(await longPdf(2));
    pdf.context.delete(pdf.getPage(1).ref);
    expect(await reasonOf(await pdf.save({ useObjectStreams: false }))).toContain('corrupt');
  });
});

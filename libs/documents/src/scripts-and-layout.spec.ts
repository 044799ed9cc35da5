import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { layoutText } from './layout/layout-text.ts';
import { joinAsRead } from './layout/reading-direction.ts';
import { DEFAULT_READ_LIMITS, type ReadDocument } from './document.ts';
import { brokenFontPdf, namedFontPage, namedFontPdf } from './fixtures/pdf-layouts.fixture.ts';
import { createDoubts } from './formats/pdf-doubts.ts';
import { readDocument, type ReadOptions } from './read-document.ts';

async function read(name: string, options: ReadOptions = {}) {
  return readDocument(
    new Uint8Array(await readFile(new URL(`./fixtures/files/${name}`, import.meta.url))),
    options,
  );
}

const text = (content: string, options: ReadOptions = {}) =>
  readDocument(new TextEncoder().encode(content), { name: 'a.txt', ...options });

describe('the text of a PDF', () => {
  it('of scripts from right to left is in the order in which it is read', async () => {
    expect((await read('right-to-left.pdf')).text.split('\n')).toEqual([
      'חשבונית מספר 7421',
      'סך הכול לתשלום 1,250 ש״ח',
      'تاريخ الفاتورة 12/03/2026',
      'المجموع المستحق 450 درهم',
    ]);
  });

  it('of Chinese and Japanese is as it was written', async () => {
    expect((await read('cjk.pdf')).text).toBe(
      '請求書番号 第二十七号\n船舶停泊费用 总计 人民币 450\nInvoice No: CJK-5',
    );
  });

  it.each([
    ['UniGB-UCS2-H', 'GB1', '发票号码 总计 450'],
    ['UniCNS-UCS2-H', 'CNS1', '發票號碼 總計 450'],
    ['UniJIS-UCS2-H', 'Japan1', '請求書番号 合計 450'],
    ['UniKS-UCS2-H', 'Korea1', '청구서 번호 합계 450'],
  ])('is there where fonts are only named, by %s', async (encoding, ordering, content) => {
    expect((await readDocument(await namedFontPdf(content, encoding, ordering))).text).toBe(content);
  });

  describe('in vertical writing', () => {
    const font = { encoding: 'UniJIS-UCS2-V', ordering: 'Japan1' };
    const column = (text: string, left: number, bottom = 600) => ({ text, left, bottom });

    it('is read column by column from right to left', async () => {
      const columns = [column('合計四五〇', 300), column('請求書番号', 360), column('第二十七号', 330, 588)];
      const { text, lines } = await readDocument(await namedFontPage(columns, font));
      expect(text).toBe('請求書番号\n第二十七号\n合計四五〇');
      expect(lines[0]).toMatchObject({ height: 12, segments: [{ left: 354, right: 366 }] });
    });

    it('stands between the lines above and below it, one tier after the other', async () => {
      const columns = [
        column('下左', 300, 300),
        column('上右', 360),
        column('上左', 300),
        column('下右', 360, 300),
      ];
      const latin = [column('Heading', 50, 700), column('between', 50, 400), column('Footer', 50, 100)];
      const { text } = await readDocument(await namedFontPage(columns, font, latin));
      expect(text.split(/\n+/u)).toEqual(['Heading', '上右', '上左', 'between', '下右', '下左', 'Footer']);
    });

    it('is a line where its letters stand side by side', async () => {
      const letters = [...'請求書番号'].map((letter, index) => column(letter, 300 + 12 * index));
      expect((await readDocument(await namedFontPage(letters, font))).text).toBe('請求書番号');
    });

    it('is one column where it is drawn in pieces', async () => {
      const columns = [column('下', 300, 580), column('上', 300), column('右', 330)];
      expect((await readDocument(await namedFontPage(columns, font))).text).toBe('右\n上 下');
    });
  });

  it.each([
    [
      'a table of letters that nobody knows',
      { Type: 'Font', Subtype: 'Type0', BaseFont: 'N', Encoding: 'N-H' },
    ],
    ['no kind', { Type: 'Font', BaseFont: 'Named' }],
    ['no dictionary', null],
  ])('is not passed for whole where a font has %s', async (_, font) => {
    const { text, warnings } = await readDocument(await brokenFontPdf(font));
    expect(text).toBe('Invoice No: A-1');
    expect(warnings).toEqual([expect.stringMatching(/^Text may be missing: .* page 1 /u)]);
  });

  it('is not passed for whole where letters of a named font are unknown', async () => {
    const font = { encoding: 'Nothing-Known-H', ordering: 'GB1' };
    const latin = [{ text: 'Invoice No: A-1', left: 50, bottom: 600 }];
    const file = () => namedFontPage([{ text: '总计', left: 50, bottom: 700 }], font, latin);
    const [one, other] = await Promise.all([file(), file()].map(async (bytes) => readDocument(await bytes)));
    for (const read of [one, other]) expect(read?.warnings).toHaveLength(1);
  });

  it('is not passed for readable where its fonts do not say which letters they hold', async () => {
    const font = { encoding: 'Identity-H', ordering: 'Identity' };
    const codes = '\u0026\u0003\u0012\u0011\u0003\u001b';
    const { warnings } = await readDocument(
      await namedFontPage([{ text: codes, left: 50, bottom: 700 }], font),
    );
    expect(warnings).toEqual([expect.stringMatching(/^Text of page 1 .* which letters/u)]);
  });

  it('has one warning for many pages that cannot be relied on', () => {
    const doubts = createDoubts();
    for (let page = 1; page <= 12; page += 1) doubts.look(page, ['\uFFFD\uFFFD', 'Total']);
    expect(doubts.warnings()).toEqual([
      'Text of pages 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more cannot be relied on: its fonts do not say which letters they hold.',
    ]);
  });

  it('needs no warning for the marks of a list', async () => {
    const font = { encoding: 'Identity-H', ordering: 'Identity' };
    const marks = [700, 600].map((bottom) => ({ text: '\uf0b7', left: 50, bottom }));
    const latin = [700, 600].map((bottom) => ({ text: 'Mooring rope', left: 70, bottom }));
    expect((await readDocument(await namedFontPage(marks, font, latin))).warnings).toEqual([]);
  });

  it('has letters instead of ligatures', async () => {
    expect((await read('ligatures.pdf')).text).toContain('office floats efficiently');
  });
});

it.each([
  [['abc', ' ', 'def'], 'abc def'],
  [['12', ' ', 'ב', 'א'], 'אב 12'],
  [['Total', ': ', 'ב', 'א'], 'Total: אב'],
  [['x', ' ', '7', ' ', 'ד', 'ג', ' ', 'ב', 'א'], 'אב גד x 7'],
])('pieces %j side by side are read as %s', (pieces, expected) => {
  expect(joinAsRead(pieces)).toBe(expected);
});

describe('a text file that is not UTF-8', () => {
  it.each([
    ['windows-1252', 'Die Fähre nach Büsum', 'windows-1252'],
    ['shift-jis', '請求書番号 第二十七号', 'Shift_JIS'],
    ['gb18030', '船舶停泊费用 总计', 'GB18030'],
    ['koi8-r', 'Итого к оплате: 1250 рублей', 'KOI8-R'],
  ])('is told to be %s, with a warning', async (name, expected, encoding) => {
    const { text, warnings } = await read(`${name}.txt`);
    expect(text).toContain(expected);
    expect(warnings).toEqual([expect.stringContaining(`that it is ${encoding} was told`)]);
  });

  it('is read as the caller says, without one', async () => {
    const latin = Uint8Array.of(0x46, 0xe4, 0x68, 0x72, 0x65);
    const { text, warnings } = await readDocument(latin, { encoding: 'windows-1252' });
    expect([text, warnings]).toEqual(['Fähre', undefined]);
    await expect(readDocument(Uint8Array.of(0x81, 0x20), { encoding: 'shift_jis' })).rejects.toMatchObject({
      reason: 'wrong_encoding',
    });
  });

  it('is UTF-16 when every other byte is zero', async () => {
    expect((await read('utf-16le.txt')).text).toBe('Invoice No: U-16\nDie Fähre nach Büsum\n');
  });

  it('is refused when it holds what no text does', async () => {
    const bytes = Uint8Array.from({ length: 400 }, (_, at) => (at * 37 + 129) % 256 || 1);
    await expect(readDocument(bytes)).rejects.toMatchObject({ name: 'UnreadableError' });
  });
});

it('words that were divided at the end of a line are whole again', async () => {
  expect((await text('Schiff\u00AD\n  fahrt am Hafen\u00ADbecken\u00AD\n')).text).toBe(
    'Schifffahrt am Hafenbecken\n',
  );
});

describe('text with its layout', () => {
  it('keeps the columns of a PDF', async () => {
    const { text, lines } = await read('beside.pdf', { layout: true });
    const rows = text.split('\n');
    const amount = rows.find((row) => row.startsWith('Description'))?.indexOf('Amount');
    expect(rows.find((row) => row.startsWith('Fender'))?.indexOf('660.00')).toBe(amount);
    expect(rows.find((row) => row.includes('Total due'))?.indexOf('1,283.40')).toBe(amount);
    expect(text).toContain('Invoice No:             QC-2026-0117');
    expect(lines.length).toBeGreaterThan(5);
  });

  it('gives each column of cells the width that it needs', async () => {
    const { text } = await readDocument(new TextEncoder().encode('a,b,c\nlong name,2,3\nx,12345,6\n'), {
      layout: true,
    });
    expect(text).toBe('a          b      c\nlong name  2      3\nx          12345  6');
  });

  it('gives wide letters two columns, and marks none', async () => {
    const { text } = await readDocument(new TextEncoder().encode('名前,b\nab,2\nａ한𠀋,3\nx\u0332,4\n'), {
      layout: true,
    });
    expect(text).toBe('名前    b\nab      2\nａ한𠀋  3\nx\u0332       4');
  });

  it('leaves a text file as it is, and bounds what stands far out', async () => {
    expect((await text('a    b\n', { layout: true })).text).toBe('a    b\n');
    const segments = [
      { text: 'x', left: 0, right: 5 },
      { text: 'yyy', left: 1e12, right: 1e12 + 15 },
    ];
    const lines = [{ page: 1, top: 0, height: 10, segments }];
    const far = { kind: 'pdf', text: '', lines } as unknown as ReadDocument;
    expect(layoutText(far, DEFAULT_READ_LIMITS).length).toBeLessThan(600);
  });
});

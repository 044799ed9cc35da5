import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openDocument, presentation, rawWorkbook, shape, workbook } from './fixtures/office-files.fixture.ts';
import { zipOf } from './fixtures/zip.fixture.ts';
import type { ReadLimits } from './document.ts';
import { readDocument } from './read-document.ts';
import type { Recognise } from './recognition.ts';
import { UnreadableError } from './unreadable.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** What reading a file ends with: its text, lines and tables asked for, or the reason why not. Anything else is thrown. */
async function endOf(
  bytes: Uint8Array,
  limits: Partial<ReadLimits> = {},
  name = '',
  recognise?: Recognise,
): Promise<string> {
  try {
    const { kind, lines, tables } = await readDocument(bytes, { limits, name, recognise });
    return `${kind} with ${lines.length} lines and ${tables.length} tables`;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    expect(error.message).toMatch(/^[A-Z].*\.$/su);
    return error.reason;
  }
}

async function fixtureFile(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`./fixtures/files/${name}`, import.meta.url)));
}

const row = (cells: string) => `<table:table-row>${cells}</table:table-row>`;
const repeated = (count: number, text: string) =>
  `<table:table-cell table:number-columns-repeated="${count}"><text:p>${text}</text:p></table:table-cell>`;

describe('a sheet of many cells', () => {
  const small = { maxPieces: 10_000 };

  it.each([
    ['written one by one', rawWorkbook(`<row>${'<c><v>1</v></c>'.repeat(10_001)}</row>`)],
    ['reached by gaps', rawWorkbook('<row><c r="XFD1"><v>1</v></c></row>'.replace('<row>', '<row r="1">'))],
    ['repeated', openDocument('spreadsheet', `<table:table>${row(repeated(16_384, 'x'))}</table:table>`)],
    [
      'of repeated rows',
      openDocument(
        'spreadsheet',
        `<table:table>${row(repeated(50, 'x')).replace('<table:table-row', '<table:table-row table:number-rows-repeated="1000000"')}</table:table>`,
      ),
    ],
    ['spanned in HTML', utf8(`<table>${'<tr><td colspan=1000 rowspan=60000>x<td>y'.repeat(100)}</table>`)],
  ])('%s is too large', async (_how, bytes) => {
    expect(await endOf(bytes, small)).toBe('too_large');
  });

  it('is refused by what its file claims before it is unpacked', async () => {
    expect(await endOf(rawWorkbook('<row/>'.repeat(20_000)), { maxTextBytes: 100_000 })).toBe(
      'unpacks_too_large',
    );
  });

  it('that all show one long text is too large', async () => {
    const strings = `<si><t>${'x'.repeat(10_000)}</t></si>`;
    const cells = `<row>${'<c t="s"><v>0</v></c>'.repeat(1000)}</row>`;
    expect(await endOf(rawWorkbook(cells, { strings }), { maxTextBytes: 1_000_000 })).toBe('too_large');
  });

  it('that lie outside of any sheet is damaged', async () => {
    expect(await endOf(rawWorkbook('<row><c r="ZZZ9999999"><v>1</v></c></row>'))).toBe('corrupt');
    expect(await endOf(rawWorkbook('<row r="1"><c r="B0"><v>1</v></c></row>'))).toMatch(/^xlsx|corrupt/u);
  });
});

describe('XML that attacks its reader', () => {
  const entities = `<!DOCTYPE a [<!ENTITY a "lol">${Array.from(
    { length: 9 },
    (_, at) => `<!ENTITY ${'bcdefghij'[at]} "${`&${'abcdefghi'[at]};`.repeat(10)}">`,
  ).join('')}]>`;

  it('expands no entities and fetches none', async () => {
    expect(await endOf(utf8(`<?xml version="1.0"?>${entities}<a>&j;</a>`))).toBe('corrupt');
    const external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
    expect(await endOf(utf8(`<?xml version="1.0"?>${external}<a>&x;</a>`))).toBe('corrupt');
    expect(await endOf(rawWorkbook('<row><c t="str"><v>&j;</v></c></row>'))).toBe('corrupt');
    expect(await endOf(openDocument('text', '<text:p>&x;</text:p>'))).toBe('corrupt');
  });

  it('is nested too deep', async () => {
    expect(await endOf(utf8(`<?xml version="1.0"?>${'<a>'.repeat(200_000)}`))).toBe('too_large');
    expect(await endOf(openDocument('text', '<text:p>'.repeat(50_000)))).toBe('too_large');
    expect(await endOf(presentation([`${'<p:grp>'.repeat(6000)}${shape('x')}`]))).toBe('too_large');
  });

  it('is cut off or broken', async () => {
    expect(await endOf(utf8('<?xml version="1.0"?><a><b>1</b>'))).toBe('truncated');
    expect(await endOf(utf8('<?xml version="1.0"?><a><b>1</a>'))).toBe('corrupt');
    expect(await endOf(utf8('<?xml version="1.0" encoding="klingon"?><a>1</a>'))).toBe('wrong_encoding');
    expect(await endOf(utf8('<?xml version="1.0"?><a/>'))).toBe('no_text');
  });

  it('names nothing that it could change in its reader', async () => {
    const { json } = await readDocument(utf8('<?xml version="1.0"?><a><__proto__><x>1</x></__proto__>b</a>'));
    expect(Object.getPrototypeOf((json as { a: object }).a)).toBe(Object.prototype);
    expect(({} as { x?: string }).x).toBeUndefined();
  });
});

describe('markup that attacks its reader', () => {
  it.each([
    ['HTML nested too deep', '<!doctype html>' + '<div>'.repeat(300_000)],
    ['tables nested too deep', '<!doctype html>' + '<table><tr><td>'.repeat(100_000)],
    ['RTF nested too deep', `{\\rtf1 ${'{'.repeat(300_000)}`],
  ])('%s is too large', async (_what, content) => {
    expect(await endOf(utf8(content))).toBe('too_large');
  });

  it.each([
    ['HTML cut inside a tag', '<!doctype html><p>Total: 12</p><a hre', 'truncated'],
    ['HTML cut inside a table', '<!doctype html><table><tr><td>Total', 'truncated'],
    ['HTML cut inside a script', '<!doctype html><p>Total: 12</p><script>let a', 'truncated'],
    ['HTML without text', '<!doctype html><img src="x.png">', 'no_text'],
    ['RTF cut off', '{\\rtf1 Total: {\\b 12', 'truncated'],
    ['RTF without text', '{\\rtf1 {\\fonttbl x}}', 'no_text'],
    [
      'a message cut off',
      'MIME-Version: 1.0\nFrom: a@b.example\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nx\n--b\n\ny',
      'truncated',
    ],
    [
      'a message of parts in parts',
      `MIME-Version: 1.0\nFrom: a@b.example\nContent-Type: multipart/mixed; boundary="b0"\n\n${Array.from({ length: 400 }, (_, at) => `--b${at}\nContent-Type: multipart/mixed; boundary="b${at + 1}"\n\n`).join('')}--b0--\n`,
      'corrupt',
    ],
    ['binary data called text', 'a\u0000b', 'wrong_encoding'],
  ])('%s is refused', async (_what, content, reason) => {
    expect(await endOf(utf8(content))).toBe(reason);
  });

  it('has more pages than are allowed', async () => {
    expect(await endOf(workbook(), { maxPages: 1 })).toBe('too_many_pages');
    expect(await endOf(presentation([shape('a'), shape('b')]), { maxPages: 1 })).toBe('too_many_pages');
    expect(await endOf(openDocument('presentation', '<draw:page/><draw:page/>'), { maxPages: 1 })).toBe(
      'too_many_pages',
    );
  });
});

describe('a packed file', () => {
  it('is encrypted part by part', async () => {
    const manifest = '<manifest><encryption-data/></manifest>';
    const mimetype = 'application/vnd.oasis.opendocument.text';
    const bytes = zipOf({ mimetype, 'META-INF/manifest.xml': manifest, 'content.xml': 'cipher' });
    expect(await endOf(bytes)).toBe('encrypted');
  });

  it('lacks a part, or refers out of itself', async () => {
    expect(await endOf(zipOf({ 'xl/workbook.xml': '<workbook><sheet name="a" r:id="x"/></workbook>' }))).toBe(
      'corrupt',
    );
    const far = '<Relationships><Relationship Id="x" Target="http://[" Type="worksheet"/></Relationships>';
    const parts = { 'xl/workbook.xml': '<workbook xmlns:r="r"><sheet name="a" r:id="x"/></workbook>' };
    expect(await endOf(zipOf({ ...parts, 'xl/_rels/workbook.xml.rels': far }))).toBe('corrupt');
  });

  it('holds parts that unpack to more than is allowed', async () => {
    const bomb = zipOf({ 'xl/workbook.xml': ' '.repeat(3_000_000) });
    expect(bomb.length).toBeLessThan(10_000);
    expect(await endOf(bomb, { maxUnpackedBytes: 2_000_000 })).toBe('unpacks_too_large');
    const shared = presentation([shape('x'.repeat(90_000)), shape('y'.repeat(90_000))]);
    expect(await endOf(shared, { maxUnpackedBytes: 150_000 })).toBe('unpacks_too_large');
  });

  it('is of a kind that has no reader, and says which', async () => {
    await expect(readDocument(zipOf({ 'xl/workbook.bin': 'x' }))).rejects.toThrow('binary format');
  });
});

describe('a picture', () => {
  const blank: Recognise = () => ({
    page: async () => ({ words: [], blank: false }),
    close: async () => undefined,
  });

  it('of more pixels than are allowed is refused by its head, before it is unpacked', async () => {
    const huge = Uint8Array.from(PICTURE_HEADS.png);
    new DataView(huge.buffer).setUint32(16, 100_000);
    expect(await endOf(huge, {}, '', blank)).toBe('too_large');
  });

  it('of many pages, or of pages in a circle, has too many', async () => {
    const circle = Uint8Array.from(PICTURE_HEADS.tiff);
    new DataView(circle.buffer).setUint32(34, 8, true);
    expect(await endOf(circle, {}, '', blank)).toBe('too_many_pages');
  });

  it('without words has no text, and where nobody recognises any it is of no known kind', async () => {
    const png = Uint8Array.from(PICTURE_HEADS.png);
    expect(await endOf(png, {}, '', blank)).toBe('no_text');
    expect(await endOf(Uint8Array.from(PICTURE_HEADS.png))).toBe('unsupported_type');
  });

  it('counts for the pages of a file on which text is recognised, in attachments too', async () => {
    const seen: Recognise = () => ({
      page: async () => ({
        words: [{ ...{ text: 'x', left: 0, top: 0, right: 5, bottom: 9 }, confidence: 90, line: 0 }],
        blank: false,
      }),
      close: async () => undefined,
    });
    const png = Uint8Array.from(PICTURE_HEADS.png);
    const archive = zipOf({ '1.png': png, '2.png': png, '3.png': png });
    const { warnings } = await readDocument(archive, { recognise: seen, limits: { maxRecognisedPages: 2 } });
    expect(warnings).toEqual([expect.stringContaining('more than 2 pages without a text layer')]);
  });
});

describe('what a file refers to is never fetched', () => {
  it.each([
    [
      'HTML',
      (at: string) => utf8(`<!doctype html><link href="${at}/a.css"><img src="${at}/a.png"><p>here</p>`),
    ],
    ['XML', (at: string) => utf8(`<?xml version="1.0"?><!DOCTYPE a SYSTEM "${at}/a.dtd"><a>here</a>`)],
    [
      'RTF',
      (at: string) => utf8(`{\\rtf1 {\\field{\\*\\fldinst INCLUDETEXT "${at}/a.txt"}{\\fldrslt here}}}`),
    ],
    [
      'a book',
      (at: string) =>
        zipOf({
          'META-INF/container.xml': '<container><rootfile full-path="a.opf"/></container>',
          'a.opf':
            '<package><item id="a" href="a.html" media-type="text/html"/><itemref idref="a"/></package>',
          'a.html': `<html><body><img src="${at}/a.png"><p>here</p></body></html>`,
        }),
    ],
    [
      'a workbook',
      (at: string) => rawWorkbook(`<row><c t="str"><f>WEBSERVICE("${at}")</f><v>here</v></c></row>`),
    ],
  ])('by %s', async (_what, make) => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const { text } = await readDocument(make(`http://127.0.0.1:${port}`));
    expect(text).toContain('here');
    expect(asked).toEqual([]);
    server.close();
    await once(server, 'close');
  });
});

it('a PDF of a hundred thousand pages is refused before any of them is read', async () => {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    `<</Type/Pages/Kids[${'3 0 R '.repeat(100_000)}]/Count 100000>>`,
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>',
  ];
  let pdf = '%PDF-1.7\n';
  let table = 'xref\n0 4\n0000000000 65535 f \n';
  for (const [index, object] of objects.entries()) {
    table += `${String(pdf.length).padStart(10, '0')} 00000 n \n`;
    pdf += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const end = `${table}trailer<</Root 1 0 R/Size 4>>\nstartxref\n${pdf.length}\n%%EOF\n`;
  expect(await endOf(utf8(pdf + end))).toBe('too_many_pages');
});

/** The first bytes of small pictures, as programs write them. */
const PICTURE_HEADS = {
  png: [
    0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 3, 232, 0, 0, 1, 244,
    8, 0, 0, 0, 0, 1, 2, 3, 4,
  ],
  jpeg: [
    0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0xff, 0xc0, 0, 11, 8,
    1, 244, 3, 232, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8,
  ],
  gif: [0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 232, 3, 244, 1, ...Array.from({ length: 24 }, () => 0)],
  webp: [
    0x52, 0x49, 0x46, 0x46, 99, 0, 0, 0, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x20, 80, 0, 0, 0, 0x30, 1,
    0, 0x9d, 1, 0x2a, 232, 3, 244, 1, 0, 0,
  ],
  bmp: [
    0x42, 0x4d, 99, 0, 0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 40, 0, 0, 0, 232, 3, 0, 0, 244, 1, 0, 0, 1, 0, 1, 0, 0,
    0, 0, 0,
  ],
  tiff: [
    0x49, 0x49, 42, 0, 8, 0, 0, 0, 2, 0, 0, 1, 3, 0, 1, 0, 0, 0, 232, 3, 0, 0, 1, 1, 3, 0, 1, 0, 0, 0, 244, 1,
    0, 0, 0, 0, 0, 0,
  ],
} as const;

/** Numbers that look random and are the same every time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const html =
  '<!doctype html><html><body><p>Total: 12</p><table><tr><td rowspan=2>a<td>b</tr><tr><td>c</table></body></html>';
const message = `MIME-Version: 1.0\r\nFrom: "A" <a@b.example>\r\nSubject: =?utf-8?q?F=C3=A4hre?=\r\nContent-Type: multipart/mixed; boundary=b\r\n
--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${html.replaceAll('=', '=3D')}\r\n--b\r\nContent-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n${btoa('a,b\n1,2\n')}\r\n--b--\r\n`;

/** Random damage is not tested better by more of it: what it found once has a test of its own. */
const ROUNDS = 60;

describe('a file with random damage ends with a document or a reason', () => {
  const samples: readonly (readonly [kind: string, bytes: () => Promise<Uint8Array>])[] = [
    ['xlsx', async () => workbook()],
    ['ods', async () => workbook('ods')],
    [
      'odt',
      async () =>
        openDocument(
          'text',
          `<text:p>x<text:s text:c="2"/></text:p><table:table>${row(repeated(2, 'x'))}</table:table>`,
        ),
    ],
    ['pptx', async () => presentation([shape('a', 'b'), shape('c')])],
    [
      'docx',
      async () => new Uint8Array(await readFile(new URL('./fixtures/files/beside.docx', import.meta.url))),
    ],
    ['html', async () => utf8(html)],
    [
      'xml',
      async () =>
        utf8(
          '<?xml version="1.0" encoding="UTF-8"?><a b="1"><!-- c --><d>Fähre &amp;</d><d><![CDATA[x]]></d></a>',
        ),
    ],
    [
      'rtf',
      async () =>
        utf8(
          "{\\rtf1\\ansi{\\fonttbl{\\f0 A;}}\\f0 F\\'e4\\u8364?{\\*\\x y}\\par\\intbl a\\cell b\\cell\\row\\pard z\\par}",
        ),
    ],
    ['eml', async () => utf8(message)],
    ['md', async () => utf8('# A\n\n| a | b |\n|---|---|\n| 1 | **2** |\n')],
    ['msg', async () => fixtureFile('message.msg')],
    ['epub', async () => fixtureFile('book.epub')],
    ['zip', async () => fixtureFile('archive.zip')],
    ['csv', async () => utf8('Berth,Days\nNorth,3\n"South",4\n')],
    ['json', async () => utf8('{"a": [1, "Fähre", {"b": null}], "c": true}')],
    ['txt', async () => fixtureFile('windows-1252.txt')],
  ];

  it.each(samples)('%s', async (kind, load) => {
    const sample = await load();
    const random = randomNumbers(7);
    const name = kind === 'md' ? 'a.md' : '';
    const ends = new Set([await endOf(Uint8Array.from(sample), {}, name)]);
    expect([...ends][0]).toMatch(new RegExp(`^${kind} with`, 'u'));
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = Uint8Array.from(
        sample.subarray(0, round % 3 === 0 ? random(sample.length) + 1 : sample.length),
      );
      for (let flips = round % 3 === 0 ? 0 : 1 + random(8); flips > 0; flips -= 1)
        bytes[random(bytes.length)] = random(256);
      ends.add(await endOf(bytes, {}, name));
    }
    expect(ends.size).toBeGreaterThan(1);
  });

  it.each(['beside.pdf', 'right-to-left.pdf'])('%s', async (name) => {
    const sample = await fixtureFile(name);
    const random = randomNumbers(13);
    const ends = new Set<string>();
    for (let round = 0; round < ROUNDS / 2; round += 1) {
      const bytes = Uint8Array.from(
        sample.subarray(0, round % 6 === 0 ? random(sample.length) + 1 : sample.length),
      );
      for (let flips = 1 + random(6); flips > 0; flips -= 1) bytes[random(bytes.length)] = random(256);
      ends.add(await endOf(bytes));
    }
    expect(ends.size).toBeGreaterThan(1);
  });

  it.each(['png', 'jpeg', 'gif', 'webp', 'bmp', 'tiff'] as const)(
    'the head of a picture, %s',
    async (format) => {
      const random = randomNumbers(17);
      const recognise: Recognise = () => ({
        page: async () => ({
          words: [{ ...{ text: 'x', left: 0, top: 0, right: 5, bottom: 9 }, confidence: 90, line: 0 }],
          blank: false,
        }),
        close: async () => undefined,
      });
      const ends = new Set<string>();
      for (let round = 0; round < ROUNDS * 2; round += 1) {
        const bytes = Uint8Array.from(PICTURE_HEADS[format]);
        for (let flips = round === 0 ? 0 : 1 + random(5); flips > 0; flips -= 1)
          bytes[random(bytes.length)] = random(256);
        ends.add(
          await endOf(
            bytes.subarray(0, round % 5 === 4 ? random(bytes.length) + 1 : bytes.length),
            {},
            '',
            recognise,
          ),
        );
      }
      expect([...ends][0]).toBe(`${format} with 1 lines and 0 tables`);
      expect(ends.size).toBeGreaterThan(1);
    },
  );

  it.each(samples.slice(0, 4))('%s in its parts', async (_kind, load) => {
    const sample = await load();
    const random = randomNumbers(11);
    const { listZip, createUnpack } = await import('./formats/zip.ts');
    const { DEFAULT_READ_LIMITS } = await import('./document.ts');
    const unpack = createUnpack(sample, DEFAULT_READ_LIMITS);
    const parts = listZip(sample).map((entry) => [entry.name, unpack(entry)] as const);
    const ends = new Set<string>();
    for (let round = 0; round < ROUNDS / 2; round += 1) {
      const at = random(parts.length);
      const damaged = parts.map(([name, content], index) => {
        const bytes = Uint8Array.from(content);
        if (index === at) bytes[random(bytes.length)] = 32 + random(95);
        return [
          name,
          index === at && round % 4 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes,
        ] as const;
      });
      ends.add(await endOf(zipOf(Object.fromEntries(damaged))));
    }
    expect(ends.size).toBeGreaterThan(1);
  });
});

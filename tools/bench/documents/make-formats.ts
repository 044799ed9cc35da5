import JSZip from 'jszip';
import { wordFile, workbook } from './make-office.ts';
import { type KnownFile, prosePdf, tablePdf } from './make-pdf.ts';
import { createWords } from './words.ts';

const PARAGRAPHS = 40;
const ROWS = 20;

/** One file of every format with a text layer that can be written here, each with its text. */
export async function knownFiles(): Promise<KnownFile[]> {
  const made = [
    ...texts(),
    ...(await packed()),
    await wordFile(PARAGRAPHS),
    workbook(200),
    workbook(200, 'ods'),
  ];
  const archive = await zip({}, Object.fromEntries(made.map(({ name, bytes }) => [name, bytes])));
  const all = { name: 'all.zip', bytes: archive, text: made.map(({ text }) => text).join('\n') };
  return [...made, await prosePdf(3), await tablePdf(3), all];
}

/** The same words in each: a heading, paragraphs, and a table. */
function content() {
  const words = createWords(5);
  const paragraphs = Array.from({ length: PARAGRAPHS }, () => words.line(200));
  const rows = Array.from({ length: ROWS }, () => [
    words.line(10),
    words.line(10),
    String(words.number(9_999)),
  ]);
  return { heading: 'Agreement of the harbour', paragraphs, rows };
}

function texts(): KnownFile[] {
  const { heading, paragraphs, rows } = content();
  const all = [heading, ...paragraphs, ...rows.map((row) => row.join('\t'))].join('\n');
  const file = (name: string, written: string, text = all): KnownFile => ({
    ...{ name, text },
    bytes: new TextEncoder().encode(written),
  });
  const cells = rows.map((row) => row.map((cell) => `"${cell}"`).join(',')).join('\n');
  const rtfRows = rows
    .map((row) => `\\trowd\\intbl ${row.map((cell) => `${cell}\\cell `).join('')}\\row`)
    .join('\n');
  return [
    file('a.txt', all),
    file(
      'a.md',
      `# ${heading}\n\n${paragraphs.join('\n\n')}\n\n| a | b | c |\n|---|---|---|\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`,
    ),
    file('a.csv', `One,Two,Three\n${cells}\n`, rows.map((row) => row.join('\t')).join('\n')),
    file('a.json', JSON.stringify({ heading, paragraphs, rows })),
    file(
      'a.xml',
      `<?xml version="1.0"?><document><heading>${heading}</heading>${paragraphs.map((text) => `<p>${text}</p>`).join('')}${rows.map((row) => `<row>${row.map((cell) => `<cell>${cell}</cell>`).join('')}</row>`).join('')}</document>`,
    ),
    file('a.html', htmlPage(content())),
    file('a.rtf', `{\\rtf1\\ansi ${heading}\\par ${paragraphs.join('\\par ')}\\par ${rtfRows}}`),
    file(
      'a.eml',
      `MIME-Version: 1.0\r\nFrom: a@harbour.example\r\nTo: b@harbour.example\r\nSubject: ${heading}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(htmlPage(content())).toString('base64').replaceAll(/.{76}/gu, '$&\r\n')}\r\n`,
    ),
  ];
}

function htmlPage({ heading, paragraphs, rows }: ReturnType<typeof content>): string {
  const table = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('');
  const body = paragraphs.map((text) => `<p>${text}</p>`).join('');
  return `<!doctype html><html><head><title>x</title></head><body><h1>${heading}</h1>${body}<table>${table}</table></body></html>`;
}

async function packed(): Promise<KnownFile[]> {
  const { heading, paragraphs, rows } = content();
  const text = [heading, ...paragraphs, ...rows.map((row) => row.join('\t'))].join('\n');
  const table = `<table:table>${rows.map((row) => `<table:table-row>${row.map((cell) => `<table:table-cell><text:p>${cell}</text:p></table:table-cell>`).join('')}</table:table-row>`).join('')}</table:table>`;
  const prose = [heading, ...paragraphs].map((line) => `<text:p>${line}</text:p>`).join('');
  const slide = (lines: readonly string[]) =>
    `<draw:page><draw:frame><draw:text-box>${lines.map((line) => `<text:p>${line}</text:p>`).join('')}</draw:text-box></draw:frame></draw:page>`;
  const lines = [heading, ...paragraphs, ...rows.map((row) => row.join('\t'))];
  const made: readonly (readonly [name: string, bytes: Promise<Uint8Array>])[] = [
    ['a.odt', openDocument('text', `${prose}${table}`)],
    ['a.odp', openDocument('presentation', slide(lines.slice(0, 30)) + slide(lines.slice(30)))],
    ['a.pptx', presentation([lines.slice(0, 30), lines.slice(30)])],
    ['a.epub', book(htmlPage(content()))],
  ];
  return Promise.all(made.map(async ([name, bytes]) => ({ name, text, bytes: await bytes })));
}

const NAMESPACES = `xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:draw="d"`;

function openDocument(kind: 'text' | 'presentation', body: string): Promise<Uint8Array> {
  const document = `<office:document-content ${NAMESPACES}><office:body><office:${kind}>${body}</office:${kind}></office:body></office:document-content>`;
  return zip(
    { mimetype: `application/vnd.oasis.opendocument.${kind}` },
    { 'META-INF/manifest.xml': '<manifest/>', 'content.xml': document },
  );
}

function presentation(slides: readonly (readonly string[])[]): Promise<Uint8Array> {
  const shape = (lines: readonly string[]) =>
    `<p:sp><p:txBody>${lines.map((line) => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`).join('')}</p:txBody></p:sp>`;
  const ids = slides.map((_, index) => `<p:sldId r:id="rId${index + 1}"/>`).join('');
  const relations = slides.map(
    (_, index) => `<Relationship Id="rId${index + 1}" Type="x/slide" Target="slides/slide${index + 1}.xml"/>`,
  );
  const parts = slides.map((lines, index) => [
    `ppt/slides/slide${index + 1}.xml`,
    `<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>${shape(lines)}</p:spTree></p:cSld></p:sld>`,
  ]);
  return zip(
    {},
    {
      'ppt/presentation.xml': `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>${ids}</p:sldIdLst></p:presentation>`,
      'ppt/_rels/presentation.xml.rels': `<Relationships>${relations.join('')}</Relationships>`,
      ...Object.fromEntries(parts),
    },
  );
}

function book(chapter: string): Promise<Uint8Array> {
  return zip(
    { mimetype: 'application/epub+zip' },
    {
      'META-INF/container.xml': '<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>',
      'a.opf':
        '<package><manifest><item id="a" href="a.html" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>',
      'a.html': chapter,
    },
  );
}

/** @param first parts that must come first and unpacked */
async function zip(
  first: Readonly<Record<string, string>>,
  parts: Readonly<Record<string, string | Uint8Array>>,
): Promise<Uint8Array> {
  const archive = new JSZip();
  for (const [name, text] of Object.entries(first)) archive.file(name, text, { compression: 'STORE' });
  for (const [name, part] of Object.entries(parts)) archive.file(name, part);
  return archive.generateAsync({ type: 'uint8array', compression: 'DEFLATE' });
}

import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { zipOf } from './fixtures/zip.fixture.ts';
import { readDocument, type ReadOptions } from './read-document.ts';

async function fixture(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(`./fixtures/files/${name}`, import.meta.url)));
}

const read = async (name: string, options: ReadOptions = {}) => readDocument(await fixture(name), options);

const SIGNATURE = 'The message is signed. Its signature was not checked.';

/** The signed message with all of one text replaced by another as long. */
async function changed(from: string, to: string, encoding: BufferEncoding): Promise<Uint8Array> {
  const bytes = Buffer.from(await fixture('signed.msg'));
  const sought = Buffer.from(from, encoding);
  for (let at = bytes.indexOf(sought); at >= 0; at = bytes.indexOf(sought, at + 1))
    bytes.write(to, at, encoding);
  return new Uint8Array(bytes);
}

describe('a message of Outlook', () => {
  it('is its headers, its text with tables, and its attachments', async () => {
    const { kind, text, tables, metadata, warnings, pageCount } = await read('message.msg');
    expect([kind, pageCount]).toEqual(['msg', 4]);
    expect(text).toMatch(/^From: Jörg Fähre <joerg@harbour\.example>\nTo: Anna <a@b\.example>\nCc: Office/u);
    expect(text).toContain('Invoice No: M-77\n\nBerth,Days');
    expect(tables.map(({ header }) => header[0])).toEqual(['Item', 'Berth', 'Description']);
    expect(metadata).toMatchObject({ subject: 'Rechnung für März – №7' });
    expect(warnings).toEqual([expect.stringMatching(/^The attachment "c\.bin" was not read: /u)]);
  });

  it('that is signed is its text and its attachments, without the signature', async () => {
    const { text, tables, warnings } = await read('signed.msg');
    expect(text).toMatch(
      /Subject: Signed note\s+The berth of the M\/V Föhr is free\.\nInvoice No: S-12\s+Berth,Days\nNorth,3$/u,
    );
    expect(tables).toMatchObject([{ header: ['Berth', 'Days'] }]);
    expect(warnings).toEqual([SIGNATURE]);
  });

  it('that is signed has its text in the signed part alone', async () => {
    const { text, warnings } = await readDocument(
      await changed('__substg1.0_1000', '__substg1.0_1ABC', 'utf16le'),
    );
    expect(text).toContain('Signed note\n\nThe berth of the M/V Föhr is free.\nInvoice No: S-12');
    expect(warnings).toEqual([SIGNATURE]);
  });

  it('has its own text where a signed message is attached that says something else', async () => {
    const { text } = await readDocument(await changed('No: S-12', 'No: X-99', 'utf16le'));
    expect(text).toMatch(/Invoice No: X-99[^]*Invoice No: S-12/u);
  });

  it('whose signed part is damaged is its own text, with a warning', async () => {
    const { text, warnings } = await readDocument(await changed('--outer-7--', '--outer-8--', 'latin1'));
    expect(text).toMatch(/Invoice No: S-12$/u);
    expect(warnings).toEqual([expect.stringMatching(/^The attachment "smime\.p7m" was not read: .*part/u)]);
  });

  it('that is cut off is told to be', async () => {
    const whole = await fixture('message.msg');
    await expect(readDocument(whole.slice(0, whole.length / 2))).rejects.toMatchObject({
      reason: expect.stringMatching(/^truncated|corrupt$/u),
    });
  });

  it('whose chains go in circles ends, and says that it is damaged', async () => {
    const bytes = await fixture('message.msg');
    const view = new DataView(bytes.buffer);
    const table = (view.getUint32(0x4c, true) + 1) * 512;
    for (let at = table; at < table + 512; at += 4) view.setUint32(at, (at - table) / 4, true);
    await expect(readDocument(bytes)).rejects.toMatchObject({ reason: 'corrupt' });
  });
});

describe('a book', () => {
  it('is its chapters in their order, and their tables', async () => {
    const { kind, text, tables, metadata, warnings } = await read('book.epub');
    expect(kind).toBe('epub');
    expect(text).toMatch(/Arrival\nThe harbour office[^]*Prices[^]*Total due: 109\.80$/u);
    expect(tables).toMatchObject([
      { header: ['Item', 'Qty', 'Amount'], rows: [{ length: 3 }, { length: 3 }] },
    ]);
    expect(metadata).toMatchObject({ title: 'The harbour book', author: 'Nordkai' });
    expect(warnings).toEqual([]);
  });

  it('that lacks its list of chapters is damaged', async () => {
    const container = '<container><rootfile full-path="a.opf"/></container>';
    await expect(readDocument(zipOf({ 'META-INF/container.xml': container }))).rejects.toMatchObject({
      reason: 'corrupt',
    });
  });
});

describe('an archive', () => {
  it('is its documents one after the other', async () => {
    const { kind, text, tables, pageCount, warnings } = await read('archive.zip');
    expect([kind, pageCount]).toEqual(['zip', 3]);
    expect(text).toMatch(/^Berth,Days[^]*Invoice No: ZIP-9\n\nQuayside Chandlery/u);
    expect(tables.map(({ header }) => header[0])).toEqual(['Berth', 'Description']);
    expect(warnings).toEqual([expect.stringMatching(/^The file "c\.bin" was not read: /u)]);
  });

  it('with a password is encrypted, and one of nothing is empty', async () => {
    await expect(read('locked.zip')).rejects.toMatchObject({ reason: 'encrypted' });
    await expect(readDocument(zipOf({ 'a/': '', '__MACOSX/b': 'x' }))).rejects.toMatchObject({
      reason: 'empty',
    });
  });

  it('in another is read, but not without end', async () => {
    let inner = zipOf({ 'a.txt': 'innermost words' });
    for (let depth = 0; depth < 2; depth += 1) inner = zipOf({ 'b.zip': inner, 'c.txt': `level ${depth}` });
    expect((await readDocument(inner)).text).toContain('innermost words');
    for (let depth = 0; depth < 2; depth += 1) inner = zipOf({ 'b.zip': inner, 'c.txt': 'outer' });
    const { text, warnings } = await readDocument(inner);
    expect(text).not.toContain('innermost words');
    expect(warnings?.join()).toContain('too deep in each other');
  });

  it('shares one budget with all archives in it', async () => {
    const inner = zipOf({ 'a.txt': 'x'.repeat(100_000) });
    const outer = zipOf({ '1.zip': inner, '2.zip': inner, '3.zip': inner });
    const { warnings, pageCount } = await readDocument(outer, { limits: { maxUnpackedBytes: 250_000 } });
    expect(pageCount).toBe(2);
    expect(warnings).toEqual([expect.stringContaining('unpacks to more than is allowed')]);
  });

  it('with a bomb in it reads the rest', async () => {
    const { text, warnings } = await readDocument(
      zipOf({ 'bomb.txt': ' '.repeat(3_000_000), 'a.txt': 'here' }),
    );
    expect(text).toBe('here');
    expect(warnings).toEqual([expect.stringContaining('far more than any document')]);
  });

  it('with a bomb in it that lies about its size reads the rest', async () => {
    const bytes = Buffer.from(zipOf({ 'bomb.txt': ' '.repeat(3_000_000), 'a.txt': 'here' }));
    bytes.writeUInt32LE(10, bytes.indexOf('PK\x01\x02') + 24);
    const { text, warnings } = await readDocument(new Uint8Array(bytes));
    expect(text).toBe('here');
    expect(warnings).toEqual([expect.stringContaining('far more than any document')]);
  });

  it('with two files of one name reads the later one once, as what unpacks it would', async () => {
    const bytes = Buffer.from(zipOf({ 'a.txt': 'earlier', 'b.txt': 'later' })).toString('latin1');
    const twice = bytes.replaceAll('a.txt', 'b.txt');
    const { text, pageCount } = await readDocument(new Uint8Array(Buffer.from(twice, 'latin1')));
    expect([text, pageCount]).toEqual(['later', 1]);
  });
});

import { describe, expect, it } from '@jest/globals';
import nodemailer from 'nodemailer';
import { PROSE, wordRecall } from './fixtures/harbour.fixture.ts';
import { workbook } from './fixtures/office-files.fixture.ts';
import { readDocument, type ReadOptions } from './read-document.ts';

type Mail = Parameters<ReturnType<typeof nodemailer.createTransport>['sendMail']>[0];

const ENVELOPE = {
  from: 'Jörg Fähre <joerg@harbour.example>',
  to: ['a@b.example', 'Office <office@b.example>'],
  subject: 'Rechnung für März – №7',
  date: new Date('2026-03-01T08:30:00Z'),
  messageId: '<1@harbour.example>',
};

/** A message as another program composes it. */
async function composed(mail: Mail): Promise<Uint8Array> {
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true });
  const { message } = (await transport.sendMail({ ...ENVELOPE, ...mail })) as unknown as { message: Buffer };
  return new Uint8Array(message);
}

async function read(mail: Mail, options: ReadOptions = {}) {
  return readDocument(await composed(mail), options);
}

describe('a message', () => {
  it('is its headers and its text, decoded', async () => {
    const { kind, text, metadata } = await read({ text: PROSE.join('\n') });
    expect(kind).toBe('eml');
    expect(text.split('\n').slice(0, 4)).toEqual([
      'From: Jörg Fähre <joerg@harbour.example>',
      'To: a@b.example, Office <office@b.example>',
      'Date: 2026-03-01T08:30:00.000Z',
      'Subject: Rechnung für März – №7',
    ]);
    expect(wordRecall(text, PROSE)).toBe(1);
    expect(metadata).toMatchObject({ subject: 'Rechnung für März – №7', message_id: '<1@harbour.example>' });
  });

  it('is read from its HTML where it has both', async () => {
    const html = '<table><tr><th>Item<th>Qty</tr><tr><td>Rope<td>2</tr></table>';
    const { tables, text } = await read({ text: 'see the HTML', html });
    expect(tables).toEqual([{ header: ['Item', 'Qty'], rows: [['Rope', '2']] }]);
    expect(text).not.toContain('see the HTML');
    expect((await read({ text: 'in words', html: '<img src="http://a.example/x.png">' })).text).toContain(
      'in words',
    );
  });

  it('is followed by its attachments, and names those that cannot be read', async () => {
    const attachments = [
      { filename: 'a.xlsx', content: Buffer.from(workbook()) },
      { filename: 'b.csv', content: 'Berth,Days\nNorth,3\n' },
      { filename: 'c.bin', content: Buffer.from([1, 0, 2, 0xff]) },
      { filename: 'half.pdf', content: '%PDF-1.7\nnothing' },
    ];
    const { tables, pageCount, warnings, lines, text } = await read({ text: 'Attached.', attachments });
    expect(tables.map(({ header }) => header[0])).toEqual(['Invoice No', 'Berth', 'Berth']);
    expect([pageCount, lines.at(-1)?.page]).toEqual([5, 5]);
    expect(text).toContain('Attached.\n\nInvoice No\tXL-2026/9');
    expect(warnings).toEqual([
      'In the attachment "a.xlsx": The hidden sheet "Internal" was left out.',
      expect.stringMatching(/^The attachment "c\.bin" was not read: /u),
      'The attachment "half.pdf" was not read: The PDF has no end mark. It was probably cut off on its way.',
    ]);
  });

  it('may be forwarded in another, but not without end', async () => {
    let content = await composed({ text: 'innermost words' });
    const forward = () =>
      composed({ text: 'forwarded', attachments: [{ filename: 'a.eml', content: Buffer.from(content) }] });
    for (let depth = 0; depth < 3; depth += 1) content = await forward();
    expect((await readDocument(content)).text).toContain('innermost words');
    content = await forward();
    const { text, warnings } = await readDocument(content);
    expect(text).not.toContain('innermost words');
    expect(warnings?.[0]).toContain('too deep in each other');
  });

  it('shares the limits of one file with its attachments', async () => {
    const content = 'a,b,c\n'.repeat(50);
    const attachments = ['1.csv', '2.csv', '3.csv'].map((filename) => ({ filename, content }));
    const { warnings, tables } = await read({ text: 'x', attachments }, { limits: { maxPieces: 700 } });
    expect(tables).toHaveLength(2);
    expect(warnings).toEqual([
      expect.stringMatching(/^The attachment "3\.csv" was not read: .*separate pieces/u),
    ]);
  });

  it('is told apart from a text that begins like one', async () => {
    const kindOf = async (text: string, name?: string) =>
      (await readDocument(new TextEncoder().encode(text), { name })).kind;
    expect(await kindOf('From: A\nTo: B\nDate: 1 March\n\nTotal: 3\n')).toBe('txt');
    expect(await kindOf('Received: 3 March\nFrom: Acme Ltd\n\nTotal: 3\n')).toBe('txt');
    expect(await kindOf('From: a@b.example\nSubject: B\n\nTotal: 3\n', 'a.eml')).toBe('eml');
    expect(await kindOf('Received: by x\nFrom: a@b.example\nSubject: B\n\nTotal: 3\n', 'a.txt')).toBe('eml');
  });
});

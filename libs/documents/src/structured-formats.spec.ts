import { describe, expect, it } from '@jest/globals';
import { workflowDefinitionSchema } from '@longshore/contracts';
import { compileWorkflow } from './compile-workflow.ts';
import { openDocument, presentation, shape, workbook } from './fixtures/office-files.fixture.ts';
import { readDocument } from './read-document.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

const fields = {
  number: { type: 'string', required: true, label: ['Invoice No', 'Invoice number'] },
  date: { type: 'date', required: true, label: 'Invoice date' },
  short: { type: 'string', regex: '(?:XL|HT|EM)-\\d+/(\\d)' },
  total: { type: 'number', required: true, label: 'Total due' },
  lines: {
    type: 'table',
    columns: {
      deck: 'Deck',
      text: 'Description',
      amount: { heading: 'Amount', type: 'number', required: true },
      paid: { heading: 'Paid', type: 'boolean' },
    },
  },
};

async function extract(bytes: Uint8Array, more: object = {}) {
  const steps = [{ read: {} }, { extract: { fields: { ...fields, ...more } } }];
  return compileWorkflow(workflowDefinitionSchema.parse({ steps })).structure(await readDocument(bytes));
}

const lines = [
  { deck: 'Upper', text: 'Mooring rope', amount: 97.8, paid: true },
  { deck: 'Upper', text: 'Öl für Winden', amount: 1234.5, paid: false },
  { deck: 'Lower', text: 'Farbe', amount: 99, paid: true },
];

const table = `<table><tr><th>Deck<th>Description<th>Qty<th>Amount<th>Paid</tr>
  <tr><td rowspan=2>Upper<td>Mooring rope<td>2<td>97.80 €<td>yes</tr>
  <tr><td>Öl für Winden<td>1<td>1,234.50 €<td>no</tr><tr><td>Lower<td>Farbe<td>3<td>99.00 €<td>yes</tr></table>`;

const page = (
  number: string,
) => `<!doctype html><html><head><meta charset="utf-8"><title>x</title></head><body>
  <h1>Nordkai</h1><table><tr><td>Invoice No</td><td>${number}</td></tr><tr><td>Invoice date</td><td>1 March 2026</td></tr></table>
  ${table}<p>Total due: <b>1,431.30 €</b></p></body></html>`;

const message =
  `MIME-Version: 1.0\r\nFrom: Nordkai <a@nordkai.example>\r\nSubject: Your invoice\r\n` +
  `Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n` +
  `${Buffer.from(page('EM-2026/9')).toString('base64').replaceAll(/.{76}/gu, '$&\r\n')}\r\n`;

describe('the same fields are found', () => {
  it.each([
    ['an Excel workbook', () => workbook(), 'XL-2026/9'],
    ['an HTML page', () => utf8(page('HT-2026/9')), 'HT-2026/9'],
    ['a message', () => utf8(message), 'EM-2026/9'],
  ])('in %s by label, pattern and column', async (_what, file, number) => {
    expect(await extract(file())).toEqual({
      output: { number, date: '2026-03-01', short: '9', total: 1431.3, lines },
      problems: [],
    });
  });

  it('in XML, by path too', async () => {
    const xml = `<?xml version="1.0"?><order invoiceNo="X-1"><invoiceDate>2026-03-01</invoiceDate>
      ${lines.map(({ deck, text, amount }) => `<line><deck>${deck}</deck><description>${text}</description><amount>${amount}</amount></line>`).join('')}
      <totalDue>1431.30</totalDue></order>`;
    const byPath = { second: { type: 'string', json_path: '$.order.line[1].description' } };
    const { output, problems } = await extract(utf8(xml), byPath);
    expect(problems).toEqual([]);
    expect(output).toMatchObject({
      number: 'X-1',
      date: '2026-03-01',
      total: 1431.3,
      second: 'Öl für Winden',
    });
    expect(output['lines']).toEqual(lines.map(({ paid: _, ...line }) => line));
  });

  it('in a text and in a presentation', async () => {
    const label = { it: { type: 'string', label: 'Berth' } };
    const steps = [{ read: {} }, { extract: { fields: label } }];
    const { structure } = compileWorkflow(workflowDefinitionSchema.parse({ steps }));
    for (const bytes of [
      openDocument('text', '<text:p>Berth:<text:tab/>North 7</text:p>'),
      presentation([shape('x'), shape('Berth: North 7')]),
    ])
      expect((await structure(await readDocument(bytes))).output).toEqual({ it: 'North 7' });
  });

  it('and expressions see what a file says about itself', async () => {
    const { output } = await extract(utf8(message), {
      subject: { type: 'string', compute: '$document.metadata.subject' },
      hidden: { type: 'number', compute: '$count($document.warnings)' },
    });
    expect(output).toMatchObject({ subject: 'Your invoice', hidden: 0 });
  });
});

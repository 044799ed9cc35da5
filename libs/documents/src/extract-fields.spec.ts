import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { ReadDocument } from './document.ts';
import { compileFields, type WorkflowFields } from './extract-fields.ts';
import { readDocument } from './read-document.ts';

const layouts = ['beside', 'below', 'cell'] as const;
const formats = ['pdf', 'docx'] as const;
const expected = {
  beside: { number: 'QC-2026-0117', date: '2026-03-01', paid: false, total: 1283.4, items: 3 },
  below: { number: 'NW-88412', date: '2026-02-14', paid: true, total: 2150.75, items: 2 },
  cell: { number: 'P9/2026/31', date: '2026-03-12', paid: false, total: 742, items: 2 },
};
const cases = layouts.flatMap((layout) => formats.map((format) => [layout, format] as const));

async function fixture(name: string) {
  return readDocument(new Uint8Array(await readFile(new URL(`./fixtures/files/${name}`, import.meta.url))));
}

const extractFields = (document: ReadDocument, fields: WorkflowFields) =>
  compileFields(fields)({ document, name: '', customData: null });

async function extract(content: string, fields: WorkflowFields, name = 'a.txt') {
  return extractFields(await readDocument(new TextEncoder().encode(content), { name }), fields);
}

const number: WorkflowFields = { it: { type: 'string', label: ['Invoice No', 'Invoice number'] } };

describe.each(cases)('a value %s its label in a %s', (layout, format) => {
  const truth = expected[layout];

  it('is found by label', async () => {
    const { output, problems } = await extractFields(await fixture(`${layout}.${format}`), {
      number: { type: 'string', required: true, label: ['Invoice No', 'Invoice number'] },
      date: { type: 'date', required: true, label: 'Invoice date' },
      customer: { type: 'string', label: 'Customer' },
      paid: { type: 'boolean', required: true, label: 'Paid' },
      total: { type: 'number', required: true, label: 'Total due' },
    });
    const { items: _, ...values } = truth;
    expect(problems).toEqual([]);
    expect(output).toMatchObject(values);
    expect(output['customer']).toMatch(/Harbour Lights Ltd|Fährhaus Betriebs KG|Gull & Sons/u);
  });

  it('is found by label when no other label is known', async () => {
    expect((await extractFields(await fixture(`${layout}.${format}`), number)).output).toEqual({
      it: truth.number,
    });
  });

  it('is found by pattern', async () => {
    const pattern = '(QC-[0-9-]+|NW-\\d+|P9/\\d+/\\d+)';
    const { output } = await extractFields(await fixture(`${layout}.${format}`), {
      it: { type: 'string', regex: pattern },
    });
    expect(output).toEqual({ it: truth.number });
  });

  it('stands in a column', async () => {
    const { output, problems } = await extractFields(await fixture(`${layout}.${format}`), {
      first: { type: 'string', column: 'Description' },
      quantities: { type: 'list', items: 'number', column: ['Quantity', 'Qty'] },
      lines: {
        type: 'table',
        columns: { text: 'Description', amount: { heading: 'Amount', type: 'number', required: true } },
      },
    });
    expect(problems).toEqual([]);
    expect(output['quantities']).toHaveLength(truth.items);
    expect(output['lines']).toHaveLength(truth.items);
    const sum = (output['lines'] as { amount: number }[]).reduce((total, { amount }) => total + amount, 0);
    expect(sum).toBeCloseTo(truth.total);
  });
});

describe('a label', () => {
  it.each([
    ['beside, behind a colon', 'Invoice No: A-17'],
    ['beside, behind dots', 'Invoice No ....... A-17'],
    ['beside, behind an abbreviation mark', 'Invoice No. A-17'],
    ['beside, apart', 'Invoice No     A-17'],
    ['in other case and spelling', 'INVOICE-NO: A-17'],
    ['below', 'Invoice No\nA-17\n'],
    ['below, two lines down', 'Invoice No\n\nA-17\n'],
    ['below, in its place', 'Customer      Invoice No    Paid\nAcme 2        A-17          No\n'],
    ['in a cell of a drawn table', '| Customer | Acme |\n| Invoice No | A-17 |'],
    ['in a sentence', 'Thank you. Your invoice number: A-17'],
    ['before other labels in one line', 'Customer: Acme Invoice No: A-17'],
  ])('is found %s', async (_where, content) => {
    const customer = { type: 'string', label: 'Customer' } as const;
    expect((await extract(content, { ...number, customer })).output['it']).toBe('A-17');
  });

  it('is a whole word, and its value is nobody else’s label', async () => {
    expect((await extract('Invoice Notes: none', number)).output).toEqual({});
    const fields: WorkflowFields = { ...number, date: { type: 'date', label: 'Date' } };
    expect((await extract('Invoice No    Date\n', fields)).output).toEqual({});
  });

  it('ends where the next label begins', async () => {
    const fields: WorkflowFields = { ...number, date: { type: 'date', label: 'Date' } };
    const { output } = await extract('Invoice No: A-17 Date: 1 March 2026', fields);
    expect(output).toEqual({ it: 'A-17', date: '2026-03-01' });
  });

  it('prefers labels in their order, then a place where the value converts', async () => {
    const fields: WorkflowFields = { total: { type: 'number', label: ['Total due', 'Total'] } };
    const content = 'Total: 100.00\nTotal due is payable soon\nTotal due    119.00\n';
    expect((await extract(content, fields)).output).toEqual({ total: 119 });
  });

  it('looks only where position says', async () => {
    const at = (position: 'beside' | 'below'): WorkflowFields => ({
      it: { type: 'string', label: 'Ship', position },
    });
    const content = 'Ship     Mary\nJane     Anne\n';
    expect((await extract(content, at('beside'))).output).toEqual({ it: 'Mary' });
    expect((await extract(content, at('below'))).output).toEqual({ it: 'Jane' });
  });

  it('is a heading in CSV and a key in JSON', async () => {
    const total: WorkflowFields = { total: { type: 'number', label: 'Total due' } };
    const fields = { ...number, ...total };
    const csv = 'Customer,Invoice No,Total due\nAcme,A-17,12.50\n';
    const pairs = 'Invoice No,A-17\nTotal due,12.50\n';
    const json = '{"invoice":{"invoiceNo":"A-17","lines":[{"total":1}],"total_due":12.5}}';
    for (const [content, name] of [
      [csv, 'a.csv'],
      [pairs, 'a.csv'],
      [json, 'a.json'],
    ] as const) {
      expect((await extract(content, fields, name)).output).toEqual({ it: 'A-17', total: 12.5 });
    }
  });

  it('of a list splits its value', async () => {
    const tags: WorkflowFields = {
      tags: { type: 'list', label: 'Tags' },
      years: { type: 'list', items: 'number', label: 'Years', separator: '/' },
    };
    const { output } = await extract('Tags: red, green; blue\nYears: 2024/2025', tags);
    expect(output).toEqual({ tags: ['red', 'green', 'blue'], years: [2024, 2025] });
  });
});

describe('a pattern', () => {
  it('takes its first group, lines by ^ and $, and (?i)', async () => {
    const fields: WorkflowFields = {
      total: { type: 'number', regex: 'Total due\\s+([0-9.,]+)' },
      line: { type: 'string', regex: '(?i)^second.*$' },
      all: { type: 'list', regex: '#(\\w+)' },
    };
    const { output } = await extract('first #a\nSecond #b\nTotal due   1,234.56', fields);
    expect(output).toEqual({ total: 1234.56, line: 'Second #b', all: ['a', 'b'] });
  });

  it('stays linear on hostile text', async () => {
    const fields: WorkflowFields = { it: { type: 'string', regex: '^(a+)+$' } };
    const started = performance.now();
    await extract(`${'a'.repeat(100_000)}!`, fields);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('a JSON path', () => {
  const content = JSON.stringify({
    invoice: {
      no: 'A-17',
      total: 12.5,
      lines: [
        { sku: 'a', n: 1 },
        { sku: 'b', n: 2 },
      ],
    },
  });

  it('finds values, lists and tables', async () => {
    const fields: WorkflowFields = {
      no: { type: 'string', json_path: '$.invoice.no' },
      total: { type: 'number', json_path: '$.invoice.total' },
      big: { type: 'list', json_path: '$.invoice.lines[?@.n > 1].sku' },
      lines: { type: 'table', json_path: '$.invoice.lines' },
    };
    const { output } = await extract(content, fields, 'a.json');
    expect(output).toEqual({
      no: 'A-17',
      total: 12.5,
      big: ['b'],
      lines: [
        { sku: 'a', n: 1 },
        { sku: 'b', n: 2 },
      ],
    });
  });

  it('finds nothing in other documents', async () => {
    expect(
      (await extract('x', { no: { type: 'string', json_path: '$.no', required: true } })).problems,
    ).toEqual([
      {
        field: 'no',
        reason: 'missing',
        outcome: 'fail',
        message: 'no is required, but was not found by its path $.no.',
      },
    ]);
  });

  it('finds more than a call could carry', async () => {
    const items = Array.from({ length: 200_000 }, (_none, x) => ({ x }));
    const fields: WorkflowFields = {
      step: { type: 'list', items: 'number', json_path: '$.items[*].x' },
      anywhere: { type: 'list', items: 'number', json_path: '$..x' },
    };
    const { output, problems } = await extract(JSON.stringify({ items }), fields, 'a.json');
    expect(problems).toEqual([]);
    expect(output['step']).toHaveLength(items.length);
    expect(output['anywhere']).toHaveLength(items.length);
  });

  it('tells of rows without fault of their number', async () => {
    const rows = Array.from({ length: 200_000 }, () => 'a;b');
    const fields: WorkflowFields = {
      t: { type: 'table', columns: { x: { heading: 'X', type: 'number' }, y: 'Y' } },
    };
    const { output, problems } = await extract(['X;Y', ...rows].join('\n'), fields, 'a.csv');
    expect(output['t']).toHaveLength(rows.length);
    expect(problems).toHaveLength(rows.length);
  });

  it('looks deep, and says where it would be too deep', async () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels)}"x"${'}'.repeat(levels)}`;
    const fields: WorkflowFields = { it: { type: 'list', json_path: '$..b' } };
    expect((await extract(nested(90), fields, 'a.json')).problems).toEqual([]);
    expect((await extract(nested(3000), fields, 'a.json')).problems).toMatchObject([
      { field: 'it', reason: 'limit', outcome: 'fail' },
    ]);
  });

  it('reports a table of things that are no objects, and endless nesting', async () => {
    const deep = `{"a":${'['.repeat(300)}${']'.repeat(300)},"b":[1]}`;
    const fields: WorkflowFields = {
      b: { type: 'table', json_path: '$.b' },
      c: { type: 'table', json_path: '$' },
    };
    const { problems } = await extract(deep, fields, 'a.json');
    expect(problems.map(({ message }) => message)).toEqual([
      'b: item 1 is not an object.',
      'c: it is nested deeper than 100 levels.',
    ]);
  });
});

describe('a column', () => {
  const lines: WorkflowFields = {
    lines: { type: 'table', columns: { text: 'Item', amount: { heading: ['Amount'], type: 'number' } } },
    total: { type: 'number', label: 'Total due' },
  };

  it('is read from aligned text, with wrapped cells, up to what is no row', async () => {
    const content = [
      'Item              Qty      Amount',
      '---------------------------------',
      'Rope, braided       2       10.00',
      '  and waxed',
      'Paint               1    1,200.50',
      '            Subtotal     1,210.50',
      'Total due                1,210.50',
    ].join('\n');
    const { output, problems } = await extract(content, lines);
    expect(problems).toEqual([]);
    expect(output).toEqual({
      lines: [
        { text: 'Rope, braided and waxed', amount: 10 },
        { text: 'Paint', amount: 1200.5 },
      ],
      total: 1210.5,
    });
  });

  it('is read from CSV below a title and from a list of JSON objects', async () => {
    const csv = 'Quay invoice\n\nItem,Qty,Amount (EUR)\nRope,2,10.00\n"Paint, grey",1,5\nTotal due,,15.00\n';
    const json = '{"positions":[{"item":"Rope","amount":10},{"item":"Paint, grey","amount":5}]}';
    const rows = [
      { text: 'Rope', amount: 10 },
      { text: 'Paint, grey', amount: 5 },
    ];
    expect((await extract(csv, lines, 'a.csv')).output['lines']).toEqual(rows);
    expect((await extract(json, lines, 'a.json')).output['lines']).toEqual(rows);
  });

  it('names row and column of what is wrong, and keeps the rest', async () => {
    const fields: WorkflowFields = {
      lines: {
        type: 'table',
        columns: { text: 'Item', amount: { heading: 'Amount', type: 'number', required: true } },
      },
    };
    const { output, problems } = await extract('Item,Amount\nRope,ten\nPaint,\nOil,3\n', fields, 'a.csv');
    expect(output['lines']).toEqual([{ text: 'Rope' }, { text: 'Paint' }, { text: 'Oil', amount: 3 }]);
    expect(problems).toEqual([
      {
        field: 'lines',
        reason: 'conversion',
        outcome: 'problem',
        message: 'lines row 1, amount: "ten" is not a number.',
      },
      { field: 'lines', reason: 'missing', outcome: 'fail', message: 'lines row 2 has no amount.' },
    ]);
  });
});

describe('a problem', () => {
  it('is reported when a required field is missing, and not for an optional one', async () => {
    const fields: WorkflowFields = {
      a: { type: 'string', required: true, label: ['Order', 'Order No'] },
      b: { type: 'string', label: 'Nothing' },
    };
    expect(await extract('x', fields)).toEqual({
      output: {},
      problems: [
        {
          field: 'a',
          reason: 'missing',
          outcome: 'fail',
          message: 'a is required, but was not found by its label "Order" or "Order No".',
        },
      ],
    });
  });

  it('is reported when a value does not convert, even of an optional field', async () => {
    const { output, problems } = await extract('Date: 03/04/2026', { date: { type: 'date', label: 'Date' } });
    expect(output).toEqual({});
    expect(problems[0]?.message).toBe(
      'date: "03/04/2026" may be day/month or month/day; the field says which with format.',
    );
  });
});

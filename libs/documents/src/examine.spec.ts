import { describe, expect, it } from '@jest/globals';
import { workflowDefinitionSchema } from '@longshore/contracts';
import { compileWorkflow } from './compile-workflow.ts';
import { pdfBytes } from './fixtures/corpus/document.fixture.ts';
import { readDocument } from './read-document.ts';

async function setup(content: string | Uint8Array, fields: object, name = 'a.txt') {
  const steps = [{ read: {} }, { extract: { fields } }];
  const workflow = compileWorkflow(workflowDefinitionSchema.parse({ steps }));
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const document = await readDocument(bytes, { name });
  const request = { name };
  return {
    fields: (await workflow.examine(document, request)).fields,
    explained: (await workflow.explain(document, request)).fields,
    structured: await workflow.structure(document, request),
  };
}

const total = { total: { type: 'number', label: 'Total' } };

describe('the evidence of a value', () => {
  it('has its original text and its box on the page of a PDF', async () => {
    const pdf = await pdfBytes([[['Page one', 60, 60]], [['Total: 1.234,50 €', 100, 200, 10]]]);
    const { fields, structured } = await setup(pdf, total);
    expect(structured.output).toEqual({ total: 1234.5 });
    expect(fields['total']).toMatchObject({ rule: 'label', label: 'Total', text: '1.234,50 €', page: 2 });
    const { x, y, width, height } = fields['total']!;
    expect(x).toBeGreaterThan(120);
    expect(x! + width!).toBeLessThan(190);
    expect({ y, height }).toEqual({ y: 192, height: 10 });
  });

  it('has sheet, row and column, a line, or a path', async () => {
    const csv = await setup('Name;Sum\nRope;1\n\nTotal;7\n', total, 'a.csv');
    expect(csv.fields['total']).toMatchObject({ row: 4, column: 2 });
    const text = await setup('\nfirst\nTotal 7', { it: { type: 'number', regex: 'Total (\\d)' } });
    expect(text.fields['it']).toEqual({ rule: 'regex', text: '7', page: 1, line: 3 });
    const json = await setup('{"a":[{"b":7}]}', { it: { type: 'number', json_path: '$.a[0].b' } }, 'a.json');
    expect(json.fields['it']).toMatchObject({ rule: 'json_path', text: '7', path: '$.a[0].b' });
  });

  it('names items of lists and rows of tables, a hundred at most', async () => {
    const rows = Array.from({ length: 250 }, (_none, index) => `item ${index};${index}`);
    const { fields } = await setup(
      ['Item;N', ...rows].join('\n'),
      {
        all: { type: 'list', items: 'number', column: 'N' },
        table: { type: 'table', columns: { item: 'Item' } },
        fixed: { type: 'string', value: 'x' },
      },
      'a.csv',
    );
    expect(fields['all']?.items).toHaveLength(100);
    expect(fields['all']?.items?.[1]).toEqual({ text: '1', page: 1, row: 3 });
    expect(fields['table']?.rows).toHaveLength(100);
    expect(fields['table']?.rows?.[0]).toEqual({ page: 1, row: 2 });
    expect(fields['fixed']).toEqual({ rule: 'value' });
  });

  it('scores a clear place above others, and halves the type where a remark was left out', async () => {
    const { explained } = await setup('Total: 5 (incl. VAT)\nyour total: 7\n', total);
    const { evidence, scoreParts, others } = explained['total']!;
    expect(evidence).toMatchObject({ text: '5 (incl. VAT)', score: 0.88, line: 1 });
    expect(scoreParts).toEqual({ label: 1, direction: 1, distance: 1 });
    expect(others).toMatchObject([{ text: '7', line: 2, score: 0.76 }]);
  });

  it('is safe as JSON whatever the document holds', async () => {
    const { fields } = await setup('Total\u0001 : 5\ud800', { t: { type: 'string', regex: 'Total(.*)' } });
    expect(fields['t']?.text?.isWellFormed()).toBe(true);
  });
});

describe('a field without a value', () => {
  it.each([
    ['Grand totals: 5', 'No label "Total" was found; closest is "Grand totals" (line 1).'],
    ['zzz', 'No label "Total" was found; nothing in the document is like it.'],
    ['Total: soon', 'At the label "Total": "soon" is not a number (line 1).'],
    [
      'x\nTotal',
      'The label "Total" was found (line 2), but nothing that could be its value stands behind, beside or below it.',
    ],
    [
      'Total ______',
      'The label "Total" was found (line 1), but nothing that could be its value stands behind, beside or below it.',
    ],
  ])('of %j says why', async (content, why) => {
    expect((await setup(content, total)).explained['total']).toMatchObject({ why, required: false });
  });

  it('says what came of its other rules', async () => {
    const { explained } = await setup('Amount of water\n', {
      a: { type: 'number', regex: 'x(\\d)' },
      b: { type: 'string', json_path: '$.x' },
      c: { type: 'table', columns: { x: 'Amounts', y: 'Sort' } },
      d: { type: 'string', label: 'Water', when: 'false' },
      e: { type: 'number', from: [{ regex: '(water)' }, { label: 'Sum' }] },
    });
    const why = Object.fromEntries(Object.entries(explained).map(([name, one]) => [name, one.why]));
    expect(why).toEqual({
      a: 'Its pattern finds nothing in this document.',
      b: 'Its path $.x finds nothing in this document.',
      c: 'No heading "Amounts" or "Sort" was found; closest is "Amount of water" (line 1).',
      d: 'Its condition does not hold.',
      e: 'Found: "water" is not a number (line 1). No label "Sum" was found; nothing in the document is like it.',
    });
  });
});

describe('a label', () => {
  const cases: [string, string, object, unknown][] = [
    [
      'is not the heading of a table of the same name',
      'Item   Qty   Price   Total\nRope     2      10      20\nOil      1      50      50\n\nTotal                   70',
      total,
      70,
    ],
    ['prefers the sum that is only called so', 'Total net: 60\nTotal   70', total, 70],
    ['leaves the rate for the amount', 'Total 20 %      48.00', total, 48],
    ['takes a currency that stands apart', 'Total      $      1,234.50', total, 1234.5],
    ['may be qualified', 'Total (EUR): 5', total, 5],
    [
      'is not taken from inside a sentence before a later one in front',
      'The total is open\nSum: 5',
      { total: { type: 'string', label: ['Total', 'Sum'] } },
      '5',
    ],
  ];
  it.each(cases)('%s', async (_what, content, fields, value) => {
    expect((await setup(content, fields)).structured.output['total']).toBe(value);
  });
});

describe('a table', () => {
  it('has headings over two lines', async () => {
    const content =
      'Item        Unit     Line\n            price    amount\nRope        10.00    20.00\nOil         50.00    50.00';
    const columns = { item: 'Item', amount: { heading: 'Line amount', type: 'number' } };
    expect((await setup(content, { lines: { type: 'table', columns } })).structured.output['lines']).toEqual([
      { item: 'Rope', amount: 20 },
      { item: 'Oil', amount: 50 },
    ]);
  });

  it('ends with its last sum, even where the headings stand again', async () => {
    const invoice = (sum: string) =>
      [
        ['Item', 60, 60],
        ['Price', 300, 60],
        ['Rope', 60, 76],
        [sum, 300, 76],
        ['Total', 60, 92],
        [sum, 300, 92],
      ] as [string, number, number][];
    const pdf = await pdfBytes([invoice('1.00'), invoice('2.00')]);
    const columns = { price: { heading: 'Price', type: 'number' } };
    const { structured } = await setup(pdf, { lines: { type: 'table', columns } });
    expect(structured.output['lines']).toEqual([{ price: 1 }]);
  });
});

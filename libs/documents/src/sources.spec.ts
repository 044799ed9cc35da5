import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { type WorkflowDefinition, workflowDefinitionSchema } from '@longshore/contracts';
import { compileWorkflow } from './compile-workflow.ts';
import { readDocument } from './read-document.ts';

function definitionOf(extract: object, more: object = {}): WorkflowDefinition {
  return workflowDefinitionSchema.parse({ steps: [{ read: {} }, { extract }], ...more });
}

/** What a workflow with these fields makes of a text. */
async function structure(
  content: string,
  extract: object,
  {
    name = 'a.txt',
    customData,
    ...more
  }: { name?: string; customData?: unknown; output_schema?: object } = {},
) {
  const document = await readDocument(new TextEncoder().encode(content), { name });
  return compileWorkflow(definitionOf(extract, more)).structure(document, { name, customData });
}

const sample = async (name: string) =>
  new Uint8Array(await readFile(new URL(`../../../samples/${name}`, import.meta.url)));

describe('sources in order of preference', () => {
  const fields = {
    number: {
      type: 'string',
      required: true,
      from: [
        { json_path: '$.invoice.number' },
        { regex: '\\b(NW-\\d{5})\\b' },
        { label: ['Invoice No', 'Invoice number'], when: '$document.kind in ["pdf", "docx"]' },
        { label: 'Invoice No' },
      ],
    },
    how: {
      type: 'string',
      from: [
        { value: 'pages', when: '$document.kind = "pdf"' },
        { value: 'words', when: '$document.media_type ~> $contains("word")' },
        { value: 'data' },
      ],
    },
  };

  it.each([
    ['quayside-chandlery.pdf', 'QC-2026-0117', 'pages'],
    ['nordkai-werft.pdf', 'NW-88412', 'pages'],
    ['pier-9-logistics.docx', 'P9/2026/31', 'words'],
    ['saltmarsh-catering.csv', 'SC-0093', 'data'],
    ['harbour-office.txt', 'HO-5521', 'data'],
  ])('find %s', async (name, number, how) => {
    const document = await readDocument(await sample(name), { name });
    const { output, problems } = await compileWorkflow(definitionOf({ fields })).structure(document, {
      name,
    });
    expect([output, problems]).toEqual([{ number, how }, []]);
  });

  it('prefer the first that finds something in one and the same JSON document', async () => {
    const content = JSON.stringify({ total_due: 12, totals: { gross: '14,50' }, note: 'sum 16' });
    const from = [{ json_path: '$.totals.gross' }, { label: 'Total due' }, { regex: 'sum (\\d+)' }];
    const total = async (sources: object[]) =>
      (await structure(content, { fields: { it: { type: 'number', from: sources } } }, { name: 'a.json' }))
        .output;
    expect(await total(from)).toEqual({ it: 14.5 });
    expect(await total(from.toReversed())).toEqual({ it: 16 });
    expect(await total([{ json_path: '$.gone' }, ...from.slice(1)])).toEqual({ it: 12 });
  });

  it('pass over a value that does not convert or does not fit its checks', async () => {
    const it1 = (validate: object, from: object[]) =>
      structure('Total: none\nSum: 0\nAmount: 17', { fields: { it: { type: 'number', validate, from } } });
    const from = [{ label: 'Total' }, { label: 'Sum' }, { label: 'Amount' }];
    expect(await it1({ min: 1 }, from)).toEqual({ output: { it: 17 }, problems: [] });
    expect((await it1({ min: 0 }, from)).output).toEqual({ it: 0 });
  });

  it('give the first value with its problem when none is without', async () => {
    const field = { type: 'number', validate: { min: 100 }, from: [{ label: 'Sum' }, { label: 'Amount' }] };
    expect(await structure('Sum: 0\nAmount: 17', { fields: { it: field } })).toEqual({
      output: { it: 0 },
      problems: [
        { field: 'it', reason: 'validation', outcome: 'fail', message: 'it is 0, which is less than 100.' },
      ],
    });
  });

  it('prefer a table without problems', async () => {
    const columns = (heading: string) => ({ amount: { heading, type: 'number', required: true } });
    const lines = { type: 'table', from: [{ columns: columns('Net') }, { columns: columns('Gross') }] };
    const csv = 'Net,Gross\nx,2\ny,3\n';
    expect(await structure(csv, { fields: { lines } }, { name: 'a.csv' })).toEqual({
      output: { lines: [{ amount: 2 }, { amount: 3 }] },
      problems: [],
    });
  });

  it('are all named when a required field is not found', async () => {
    const from = [
      { label: 'Total' },
      { regex: 'x(\\d)' },
      { column: 'Sum' },
      { compute: 'gone' },
      { json_path: '$.a' },
    ];
    const fields = { it: { type: 'number', required: true, from }, gone: { type: 'number', label: 'Gone' } };
    const { problems } = await structure('nothing', { fields });
    expect(problems[0]?.message).toBe(
      'it is required, but was not found by its label "Total" or pattern or column "Sum" or expression or path $.a.',
    );
  });
});

describe('a condition', () => {
  const fields = {
    kind: {
      type: 'string',
      from: [{ value: 'credit', when: '$contains($text, /credit note/i)' }, { value: 'invoice' }],
    },
    reason: { type: 'string', required: true, label: 'Reason', when: 'kind = "credit"' },
    customer: {
      type: 'string',
      value: 'Acme',
      when: '$custom_data.customer = "acme" and $file.name = "a.txt"',
    },
  };

  it('decides whether a field is there, and whether it is required', async () => {
    expect(await structure('an invoice', { fields })).toEqual({ output: { kind: 'invoice' }, problems: [] });
    const { output, problems } = await structure('Credit note', { fields });
    expect(output).toEqual({ kind: 'credit' });
    expect(problems).toMatchObject([{ field: 'reason', reason: 'missing', outcome: 'fail' }]);
  });

  it('sees what came with the request', async () => {
    const { output } = await structure('x', { fields }, { customData: { customer: 'acme' } });
    expect(output).toMatchObject({ customer: 'Acme' });
  });

  it('that cannot be evaluated fails the file, for nobody knows what the field should be', async () => {
    const it1 = { type: 'string', label: 'x', when: '$number(kind) > 1' };
    const { problems } = await structure('x: y', { fields: { ...fields, it: it1 } });
    expect(problems).toEqual([
      {
        field: 'it',
        reason: 'expression',
        outcome: 'fail',
        message: 'it: its condition cannot be evaluated: Unable to cast value to a number: "invoice".',
      },
    ]);
  });
});

describe('placeholders', () => {
  const extract = {
    fields: {
      number: { type: 'string', label: ['{{custom_data.labels.number}}', 'Invoice No'] },
      order: { type: 'string', regex: '{{custom_data.prefix}}(\\d+)' },
      rate: { type: 'number', value: '{{custom_data.rate}}' },
      note: { type: 'string', value: 'for {{custom_data.labels.number}}' },
      lines: { type: 'table', columns: { text: 'Item', amount: '{{custom_data.amount}}' } },
    },
  };

  it('are filled with what the request says, literally', async () => {
    const customData = {
      labels: { number: 'Rechnung (Nr.)' },
      prefix: 'A.+|(',
      rate: 0.19,
      amount: 'Betrag',
    };
    const content = 'Rechnung (Nr.): R-1\nAxx77 A.+|(42\n\nItem      Betrag\nRope      10\n';
    const { output, problems } = await structure(content, extract, { customData });
    expect(problems).toEqual([]);
    expect(output).toEqual({
      number: 'R-1',
      order: '42',
      rate: 0.19,
      note: 'for Rechnung (Nr.)',
      lines: [{ text: 'Rope', amount: '10' }],
    });
  });

  it.each([[null], [{}], [{ prefix: '' }], [{ prefix: { a: 1 } }], [{ prefix: 'x'.repeat(201) }], ['text']])(
    'without anything to stand for make their rule find nothing: %j',
    async (customData) => {
      const { output, problems } = await structure('Invoice No: I-7\n42 xx', extract, { customData });
      expect([output, problems]).toEqual([{ number: 'I-7' }, []]);
    },
  );

  it('are named as they stand in the workflow when nothing was found', async () => {
    const order = { type: 'string', required: true, label: '{{custom_data.label}}' };
    for (const customData of [null, { label: 'Order' }]) {
      const { problems } = await structure('x', { fields: { order } }, { customData });
      expect(problems[0]?.message).toBe(
        'order is required, but was not found by its label "{{custom_data.label}}".',
      );
    }
  });

  it('of different requests do not mix', async () => {
    const compiled = compileWorkflow(
      definitionOf({ fields: { it: { type: 'string', label: '{{custom_data.l}}' } } }),
    );
    const document = await readDocument(new TextEncoder().encode('A: 1\nB: 2\n'), { name: 'a.txt' });
    const ask = async (l: string) => (await compiled.structure(document, { customData: { l } })).output;
    expect(await Promise.all(['A', 'B', 'A', 'C'].map(ask))).toEqual([
      { it: '1' },
      { it: '2' },
      { it: '1' },
      {},
    ]);
  });
});

describe('overrides', () => {
  const extract = {
    fields: {
      total: { type: 'number', required: true, label: 'Total' },
      paid: { type: 'boolean', label: 'Paid' },
    },
    overrides: [
      {
        file: '*-credit*',
        fields: { total: { type: 'number', label: 'Credit' }, reason: { type: 'string', label: 'Reason' } },
      },
      { file: ['*.txt', '*.md'], remove: ['paid'] },
    ],
  };
  const content = 'Total: 10\nCredit: 3\nReason: broken\nPaid: yes\n';
  const outputOf = async (name: string) => (await structure(content, extract, { name })).output;

  it('change the fields of files with such a name', async () => {
    expect(await outputOf('march.log')).toEqual({ total: 10, paid: true });
    expect(await outputOf('march.txt')).toEqual({ total: 10 });
    expect(await outputOf('March-CREDIT-7.md')).toEqual({ total: 3, reason: 'broken' });
  });

  it('that together make fields wait for each other fail the file, and say which', async () => {
    const circle = (file: string, fields: object) => ({ file, fields });
    const overrides = [
      circle('*a*', { total: { type: 'number', compute: 'paid' }, paid: { type: 'number', value: 1 } }),
      circle('*b*', { paid: { type: 'number', compute: 'total' } }),
      circle('*c*', { paid: { type: 'number', value: 2 } }),
    ];
    const { problems } = await structure(content, { ...extract, overrides }, { name: 'ab.txt' });
    expect(problems).toMatchObject([
      { outcome: 'fail', message: expect.stringContaining('cannot wait for each other') },
    ]);
  });
});

describe('checks', () => {
  const fields = {
    net: { type: 'number', label: 'Net' },
    total: {
      type: 'number',
      label: 'Total',
      validate: [
        { expression: '$value >= net', message: 'The total is smaller than the net amount' },
        { max: 1000, outcome: 'problem' },
      ],
    },
    currency: { type: 'string', label: 'Currency', validate: { one_of: ['EUR', 'USD'] } },
    due: { type: 'date', label: 'Due', validate: { min: '2026-01-01', outcome: 'problem' } },
    codes: { type: 'list', label: 'Codes', validate: { pattern: '^[A-Z]\\d$' } },
  };

  it('that hold say nothing, nor do those of what was not found', async () => {
    const good = 'Net: 10\nTotal: 12\nCurrency: EUR\nDue: 2026-03-01\nCodes: A1, B2';
    expect((await structure(good, { fields })).problems).toEqual([]);
    expect((await structure('x', { fields })).problems).toEqual([]);
  });

  it('that do not hold are problems of their field, with the outcome that was asked for', async () => {
    const bad = 'Net: 3000\nTotal: 1200\nCurrency: GBP\nDue: 2025-12-31\nCodes: A1, b2';
    const { output, problems } = await structure(bad, { fields });
    expect(Object.keys(output)).toEqual(['net', 'total', 'currency', 'due', 'codes']);
    expect(problems.map(({ outcome, message }) => `${outcome}: ${message}`)).toEqual([
      'fail: The total is smaller than the net amount.',
      'problem: total is 1200, which is more than 1000.',
      'fail: currency is "GBP", which is none of EUR, USD.',
      'problem: due is "2025-12-31", which is less than 2026-01-01.',
      'fail: codes item 2 is "b2", which does not fit ^[A-Z]\\d$.',
    ]);
  });

  it('whose expression cannot be evaluated do not hold', async () => {
    const it1 = {
      type: 'string',
      label: 'Net',
      validate: { expression: '$value * 2 > 1', outcome: 'problem' },
    };
    const { problems } = await structure('Net: x', { fields: { it: it1 } });
    expect(problems).toMatchObject([{ field: 'it', reason: 'validation', outcome: 'problem' }]);
    expect(problems[0]?.message).toContain('must evaluate to a number');
  });
});

describe('an output schema', () => {
  const output_schema = { type: 'object', required: ['a', 'b'], properties: { b: { minimum: 5 } } };

  it('does not say again that a field is missing, but makes it count', async () => {
    const fields = { a: { type: 'number', label: 'A', required: true }, b: { type: 'number', label: 'B' } };
    expect((await structure('B: x', { fields }, { output_schema })).problems).toEqual([
      {
        field: 'a',
        reason: 'missing',
        outcome: 'fail',
        message: 'a is required, but was not found by its label "A".',
      },
      { field: 'b', reason: 'conversion', outcome: 'fail', message: 'b: "x" is not a number.' },
    ]);
    expect((await structure('A: 1', { fields }, { output_schema })).problems).toMatchObject([
      { field: 'b', reason: 'schema', message: 'b is missing (output schema).' },
    ]);
    expect((await structure('A: 1\nB: 2', { fields }, { output_schema })).problems).toMatchObject([
      { field: 'b', reason: 'schema', message: 'b must be >= 5 (output schema).' },
    ]);
  });
});

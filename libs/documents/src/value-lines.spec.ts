import { describe, expect, it } from '@jest/globals';
import type { ReadDocument } from './document.ts';
import { compileWorkflow } from './compile-workflow.ts';
import type { WorkflowFields } from './extract-fields.ts';
import { addressesPdf } from './fixtures/pdf-layouts.fixture.ts';
import { readDocument } from './read-document.ts';

const letter = await readDocument(await addressesPdf());

async function examine(document: ReadDocument, fields: object) {
  const definition = { steps: [{ read: {} }, { extract: { fields: fields as WorkflowFields } }] };
  return compileWorkflow(definition).examine(document, { name: 'a', customData: null });
}

async function find(text: string, field: object, others: object = {}) {
  const document = await readDocument(new TextEncoder().encode(text), { name: 'a.txt' });
  const fields = { it: { type: 'string', lines: 'many', ...field }, ...others };
  return (await examine(document, fields)).output['it'];
}

const many = (label: string, more: object = {}) => ({ type: 'string', label, lines: 'many', ...more });

describe('a value of several lines in a PDF', () => {
  it('is found below, beside and behind its label, and ends at a gap or at the next label', async () => {
    const { output, problems } = await examine(letter, {
      consignee: many('Consignee'),
      carrier: many('Carrier'),
      notify: many('Notify party'),
      payee: many('Pay to'),
      weight: { type: 'string', label: 'Weight' },
    });
    expect(problems).toEqual([]);
    expect(output).toEqual({
      consignee: 'Harbour Lights Ltd\n12 Long Quay, East Basin, Building 5\nPort Ellery PE1 4QX',
      carrier: 'Gull & Sons\nSaltmarsh Road 9',
      notify: 'F\u00e4hrhaus Betriebs KG\nHafenstra\u00dfe 3\n20459 Hamburg',
      payee: 'Regatta Committee\nTidewater Hall',
      weight: '120 kg',
    });
  });

  it('has the place of all its lines, and as a list each its own', async () => {
    const { output, fields } = await examine(letter, {
      carrier: many('Carrier'),
      lines: many('Carrier', { type: 'list' }),
    });
    const [first, second] = fields['lines']!.items!;
    expect(output['lines']).toEqual(['Gull & Sons', 'Saltmarsh Road 9']);
    expect([first, second]).toEqual([
      expect.objectContaining({ text: 'Gull & Sons', page: 2, x: 300, y: 106 }),
      expect.objectContaining({ text: 'Saltmarsh Road 9', page: 2, x: 300, y: 120 }),
    ]);
    expect(fields['carrier']).toMatchObject({ page: 2, x: 300, y: 106, width: second!.width, height: 24 });
    expect(fields['carrier']!.text).toBe('Gull & Sons\nSaltmarsh Road 9');
  });

  it('has one line unless the field says so', async () => {
    const { output } = await examine(letter, {
      it: { type: 'string', label: 'Consignee', position: 'below' },
    });
    expect(output).toEqual({ it: 'Harbour Lights Ltd' });
  });
});

describe('a value of several lines in a text', () => {
  it.each([
    ['at an empty line', 'Buyer\nAcme\nQuay 1\n\nElse', 'Acme\nQuay 1'],
    ['at what is written like the label', 'Buyer: Acme\n       Quay 1\nDate: 1 May', 'Acme\nQuay 1'],
    ['at a line that rules off', 'Buyer\nAcme\nQuay 1\n----------\nElse', 'Acme\nQuay 1'],
    ['at another label in its own line', 'Buyer: Acme Ref: 17\nQuay 1', 'Acme'],
    ['at its thirtieth line', `Buyer\n${'x\n'.repeat(50)}`, 'x\n'.repeat(30).trim()],
  ])('ends %s', async (_where, text, expected) => {
    expect(await find(text, { label: 'Buyer' }, { ref: { type: 'string', label: 'Ref' } })).toBe(expected);
  });

  it('stays in its own column', async () => {
    const text = 'Buyer       Seller\nAcme        Gull Ltd\nQuay 1\n            Dock 2';
    expect(await find(text, { label: 'Buyer', position: 'below' })).toBe('Acme\nQuay 1');
    expect(await find(text, { label: 'Seller' })).toBe('Gull Ltd');
  });

  it('ends at the label of another field', async () => {
    const text = 'Buyer\nAcme\nQuay 1\nReference\n17';
    const other = { ref: { type: 'string', label: 'Reference' } };
    expect(await find(text, { label: 'Buyer' }, other)).toBe('Acme\nQuay 1');
  });

  it('is not made of the values that follow in JSON', async () => {
    expect(await find('{"buyer": "Acme", "town": "Port"}', { label: 'Buyer' })).toBe('Acme');
  });
});

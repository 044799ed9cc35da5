import { describe, expect, it } from '@jest/globals';
import { applyDocumentSchema, workflowDefinitionSchema, workflowDocumentSchema } from './workflow.ts';

function setup(field: object = { type: 'string', label: 'Invoice No' }) {
  return {
    kind: 'workflow',
    name: 'invoices',
    steps: [{ read: {} }, { extract: { fields: { it: field } } }],
  };
}

function complaints(document: unknown): string {
  const parsed = applyDocumentSchema.safeParse(document);
  if (parsed.success) return '';
  return parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n');
}

describe('a workflow document', () => {
  it('is accepted with every kind of rule and type', () => {
    const fields = {
      a: { type: 'string', required: true, label: ['Invoice No', 'Invoice number'], position: 'below' },
      b: { type: 'number', regex: 'Total due\\s+([0-9.,]+)', decimal: ',' },
      c: { type: 'date', json_path: '$.invoice.date', format: 'day/month/year' },
      d: { type: 'boolean', label: 'Paid' },
      e: { type: 'list', column: 'Description', items: 'string' },
      f: { type: 'table', columns: { text: 'Description', amount: { heading: ['Amount'], type: 'number' } } },
    };
    const document = { ...setup(), steps: [{ read: { max_pages: 5 } }, { extract: { fields } }] };
    expect(complaints(document)).toBe('');
    expect(applyDocumentSchema.parse(document)).toEqual(document);
  });

  it('takes a step without a value as one with defaults', () => {
    const parsed = workflowDefinitionSchema.parse({ steps: [{ read: null }] });
    expect(parsed.steps).toEqual([{ read: {} }]);
  });

  it('names an unknown key and the known ones', () => {
    expect(complaints(setup({ type: 'string', lable: 'x', label: 'y' }))).toContain(
      'steps.1.extract.fields.it: a string field has no key "lable"; it knows: type, required',
    );
    expect(complaints({ ...setup(), stepz: [] })).toContain('a workflow has no key "stepz"');
  });

  it('wants exactly one rule', () => {
    expect(complaints(setup({ type: 'string' }))).toContain('it has none');
    expect(complaints(setup({ type: 'string', label: 'x', regex: 'y' }))).toContain('it has label and regex');
    expect(complaints(setup({ type: 'table' }))).toContain(
      'exactly one of json_path, compute, columns, blocks or from',
    );
    expect(complaints(setup({ type: 'string', regex: 'y', position: 'below' }))).toContain('needs a label');
    expect(complaints(setup({ type: 'string', regex: 'y', lines: 'many' }))).toContain('needs a label');
    expect(complaints(setup({ type: 'number', label: 'y', lines: 'many' }))).toContain(
      'a number has one line',
    );
  });

  it('says what is wrong with a type, a kind, a name, a schema or the steps', () => {
    expect(complaints(setup({ type: 'strng', label: 'x' }))).toContain(
      'string, number, date, boolean, list, table',
    );
    expect(complaints({ kind: 'wrkflow' })).toContain('kind must be one of workflow, deployment, pipeline');
    expect(complaints({ ...setup(), name: '1x' })).toContain('a name starts with a letter');
    expect(complaints({ ...setup(), name: 'x'.repeat(65) })).toContain('at most 64 characters');
    expect(complaints({ ...setup(), output_schema: { properties: { a: { type: 'strng' } } } })).toContain(
      'must be one of object',
    );
    expect(complaints({ ...setup(), output_schema: { $ref: 'https://example.com/x' } })).toContain(
      'point into',
    );
    expect(
      complaints({ ...setup(), steps: [{ extract: { fields: { a: { type: 'string', label: 'x' } } } }] }),
    ).toContain('first step is read');
    expect(complaints({ ...setup(), steps: [{}] })).toContain('exactly one key');
    expect(complaints({ ...setup(), steps: [{ read: {} }, { read: {} }] })).toContain('may stand once');
  });
});

it('a wrong column says which key is wrong', () => {
  const column = (it: unknown) => complaints(setup({ type: 'table', columns: { amount: it } }));
  expect(column({ heading: 'Amount', kind: 'number' })).toContain('a column has no key "kind"');
  expect(column({ heading: 'Amount', type: 'money' })).toContain('type: ');
  expect(column(7)).toContain('a column is a heading');
  expect(column({ heading: 'Amount', type: 'number' })).toBe('');
});

describe('a pattern', () => {
  const accepted = [
    'Total due\\s+([0-9.,]+)',
    '(?i)rechnung\\s*(?:nr|no)?[.:]?\\s*(?<number>[A-Z0-9-]+)',
    '\\p{Lu}\\p{L}+ \\d{4}-\\d{2}-\\d{2}',
    '[\\](){}?=]+',
    '\\(\\?=\\)',
    '(?:a{10}b{20}){5}',
  ];
  it.each(accepted)('%s is accepted', (regex) => {
    expect(complaints(setup({ type: 'string', regex }))).toBe('');
  });

  it.each([
    ['(a', 'is not a regular expression'],
    ['a(?=b)', 'looking around'],
    ['(?<!b)a', 'looking around'],
    ['(a)\\1', 'refers back'],
    ['(?<x>a)\\k<x>', 'refers back'],
    ['\\p{Script=Greek}', 'general categories'],
    ['a{1001}', 'repeats more than 1000'],
    ['(?:(?:a{50}){50})b', 'repeats more than 1000'],
    ['[\\b]', 'not understood'],
  ])('%s is refused', (regex, reason) => {
    expect(complaints(setup({ type: 'string', regex }))).toContain(reason);
  });
});

describe('a deployment document', () => {
  it('is accepted, and its settings are closed', () => {
    const deployment = { kind: 'deployment', api_name: 'invoices', workflow: 'invoices' };
    expect(complaints({ ...deployment, settings: { max_parallel_files: 4 } })).toBe('');
    expect(complaints({ ...deployment, settings: { max_files: 4 } })).toContain(
      'settings has no key "max_files"',
    );
    expect(complaints({ ...deployment, settings: { max_parallel_files: 0 } })).toContain(
      'max_parallel_files',
    );
  });
});

it('the kinds are told apart', () => {
  expect(workflowDocumentSchema.safeParse({ kind: 'deployment' }).success).toBe(false);
});

import { describe, expect, it } from '@jest/globals';
import { applyDocumentSchema } from '../workflow.ts';

type Extract = Record<string, unknown>;

/** Every complaint about a workflow with this extract step, as path and sentence. */
function complaintsAbout(extract: Extract): string[] {
  const steps = [{ read: {} }, { extract }];
  const parsed = applyDocumentSchema.safeParse({ kind: 'workflow', name: 'w', steps });
  return (parsed.error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.').replace('steps.1.extract.', '')}: ${message}`,
  );
}

const field = (it: object, others: Record<string, object> = {}) =>
  complaintsAbout({ fields: { it, ...others } });

describe('sources', () => {
  it('may be several, of every kind, each with a condition', () => {
    const from = [
      { label: 'Total', position: 'below' },
      { regex: 'Sum ([0-9]+)', when: '$document.kind = "pdf"' },
      { json_path: '$.total' },
      { column: ['Amount', '{{custom_data.heading}}'] },
      { compute: 'net * 1.2' },
      { value: 0 },
    ];
    expect(
      field({ type: 'number', from, when: '$exists(net)' }, { net: { type: 'number', label: 'Net' } }),
    ).toEqual([]);
    expect(field({ type: 'table', from: [{ columns: { a: 'A' } }, { json_path: '$.rows' }] })).toEqual([]);
    expect(field({ type: 'list', items: 'number', value: [1, 2] })).toEqual([]);
  });

  it('have one rule each, and a field has a rule or sources', () => {
    expect(field({ type: 'string', from: [{ label: 'a' }, { label: 'b', regex: 'c' }] })).toEqual([
      'fields.it.from.1: a value is found by exactly one of label, regex, json_path, column, value or compute; it has label and regex',
    ]);
    expect(field({ type: 'string', label: 'a', from: [{ label: 'b' }] })[0]).toContain(
      'it has label and from',
    );
    expect(field({ type: 'string', from: [] })).toHaveLength(1);
    expect(field({ type: 'string', from: [{ regex: 'a', position: 'below' }] })[0]).toContain(
      'needs a label',
    );
    expect(field({ type: 'table', from: [{ label: 'a' }] })[0]).toContain('has no key "label"');
  });

  it('may be constants of the type of their field', () => {
    expect(field({ type: 'string', value: 7 })).toEqual([]);
    expect(field({ type: 'date', value: '2026-03-01' })).toEqual([]);
    expect(field({ type: 'number', value: '{{custom_data.rate}}' })).toEqual([]);
    expect(field({ type: 'number', value: 'seven' })).toEqual(['fields.it.value: "seven" is no number']);
    expect(field({ type: 'date', from: [{ value: '1 March' }] })).toEqual([
      'fields.it.from.0.value: "1 March" is no date: write it as "2026-03-01"',
    ]);
    expect(field({ type: 'list', items: 'boolean', value: [true, 'x'] })).toEqual([
      'fields.it.value: "x" is no boolean',
    ]);
  });
});

describe('a placeholder', () => {
  it.each([
    [{ label: '{{custom_data.label}} no' }],
    [{ label: ['a', '{{ custom_data.a.b }}'] }],
    [{ regex: '{{custom_data.prefix}}-(\\d+)' }],
    [{ value: 'for {{custom_data.customer}}' }],
  ])('may stand in %j', (rule) => {
    expect(field({ type: 'string', ...rule })).toEqual([]);
  });

  it.each([
    [{ label: '{{custom_data}}' }, 'label', 'names nothing: write {{custom_data.key}}'],
    [{ label: ['a', '{{file.name}}'] }, 'label', 'names nothing'],
    [{ value: '{{x}}' }, 'value', 'names nothing'],
    [{ regex: '{{x}}' }, 'regex', 'names nothing'],
    [{ regex: '[{{custom_data.x}}]' }, 'regex', 'inside of brackets or behind a backslash'],
    [{ regex: '\\{{custom_data.x}}' }, 'regex', 'inside of brackets or behind a backslash'],
    [{ regex: '(?:{{custom_data.x}}){6}' }, 'regex', 'repeats more than 1000 times'],
  ])('may not stand as in %j', (rule, key, reason) => {
    const [complaint] = field({ type: 'string', ...rule });
    expect(complaint).toContain(`fields.it.${key}: `);
    expect(complaint).toContain(reason);
  });
});

describe('an expression', () => {
  const others = { net: { type: 'number', label: 'Net' } };

  it.each([
    ['net +', 'is not JSONata: Unexpected end of expression (at character 5)'],
    [
      '$nett + 1',
      'names $nett, which is neither a function of JSONata nor one of $document, $file, $custom_data, $text',
    ],
    ['$value > 1', 'names $value'],
    ['$now()', 'uses $now, whose answer is not known beforehand'],
    ['$eval("1")', 'uses $eval'],
    ['$${"a": $eval("1")}.a', 'uses $eval'],
    ['$match($text, /(a)\\1/)', 'holds the pattern /(a)\\1/, which refers back'],
    ['nett * 1.2', 'there is no field "nett"; there are: it, net'],
    ['$sum(lines[amount > 1].amount)', 'there is no field "lines"'],
  ])('%s is refused, with the reason', (compute, reason) => {
    const [complaint] = field({ type: 'number', compute }, others);
    expect(complaint).toMatch(/^fields\.it\.compute: /u);
    expect(complaint).toContain(reason);
  });

  it.each([
    'net * 1.2',
    '$sum(net.(price * quantity))',
    '$map([net], function($n) { $n * $custom_data.rate })',
    '( $rate := $custom_data.rate; net * $rate )',
    '$$.net',
    '$count($keys($))',
    '$contains($text, /credit note/i) and $document.pages < 3 and $file.name = "a.pdf"',
  ])('%s is accepted', (compute) => {
    expect(field({ type: 'string', compute }, others)).toEqual([]);
  });

  it('is looked at wherever it stands', () => {
    const wrong = 'gone = 1';
    const from = [{ label: 'a', when: wrong }, { compute: wrong }];
    const validate = [{ min: 1 }, { expression: wrong }];
    expect(
      complaintsAbout({
        fields: { it: { type: 'number', from, when: wrong, validate } },
        overrides: [{ file: '*.pdf', fields: { it: { type: 'string', compute: wrong } } }],
      }).map((complaint) => complaint.split(':')[0]),
    ).toEqual([
      'fields.it.when',
      'fields.it.from.0.when',
      'fields.it.from.1.compute',
      'fields.it.validate.1.expression',
      'overrides.0.fields.it.compute',
    ]);
  });

  it('may not need what needs it', () => {
    const circle = { a: { type: 'number', compute: 'b + 1' }, b: { type: 'number', compute: 'it' } };
    expect(field({ type: 'number', compute: 'a' }, circle)).toEqual([
      'fields.it: it needs a needs b needs it: fields cannot wait for each other',
    ]);
    expect(field({ type: 'number', compute: 'it' })[0]).toContain('it needs it');
    const turned = complaintsAbout({
      fields: { net: { type: 'number', label: 'Net' }, gross: { type: 'number', compute: 'net * 2' } },
      overrides: [{ file: 'gross-*', fields: { net: { type: 'number', compute: 'gross / 2' } } }],
    });
    expect(turned).toEqual([
      'overrides.0.fields.net: net needs gross needs net: fields cannot wait for each other',
    ]);
  });

  it('may need another field in a check, whose value is known by then', () => {
    const check = { type: 'number', label: 'a', validate: { expression: 'it >= b' } };
    expect(field(check, { b: { type: 'number', compute: 'it' } })).toEqual([]);
  });
});

describe('a check', () => {
  it.each([
    [{ type: 'number', validate: { min: 0, max: 10, outcome: 'problem', message: 'Too much' } }],
    [{ type: 'date', validate: [{ min: '2026-01-01' }, { expression: '$value < "2027"' }] }],
    [{ type: 'list', items: 'number', validate: { min: 0 } }],
    [{ type: 'string', validate: { pattern: '^A', one_of: ['A1', 'A2'] } }],
  ])('%j is accepted', (rest) => {
    expect(field({ label: 'x', ...rest })).toEqual([]);
  });

  it.each([
    [
      { type: 'string', validate: {} },
      'fields.it.validate: a check needs pattern, min, max, one_of or expression',
    ],
    [{ type: 'string', validate: { mni: 1 } }, 'fields.it.validate.mni: a check has no key "mni"'],
    [
      { type: 'number', validate: [{ min: 1 }, { max: 'x' }] },
      'fields.it.validate.1.max: must be a number, or a date',
    ],
    [
      { type: 'string', validate: { min: 1 } },
      'fields.it.validate.min: min and max are for numbers and dates',
    ],
    [
      { type: 'date', validate: { min: 1 } },
      'fields.it.validate.min: must be a date: write it as "2026-03-01"',
    ],
    [{ type: 'number', validate: [{ max: '2026-01-01' }] }, 'fields.it.validate.0.max: must be a number'],
    [
      { type: 'string', validate: { pattern: '(a' } },
      'fields.it.validate.pattern: the pattern is not a regular',
    ],
    [{ type: 'string', validate: { one_of: [] } }, 'fields.it.validate.one_of: '],
    [{ type: 'string', validate: { pattern: 'a', outcome: 'warn' } }, 'fields.it.validate.outcome: '],
  ])('%j is refused', (rest, complaint) => {
    expect(field({ label: 'x', ...rest })[0]).toContain(complaint);
  });
});

describe('an override', () => {
  const base = { it: { type: 'string', label: 'It' } };
  const override = (it: object) => complaintsAbout({ fields: base, overrides: [it] });

  it('adds, replaces and leaves out fields by the name of the file', () => {
    expect(override({ file: ['*-credit*.{pdf,txt}', 'scan (2).?df'], fields: base, remove: ['it'] })).toEqual(
      [],
    );
  });

  it.each([
    [{ file: '*.pdf' }, 'overrides.0: an override needs fields'],
    [{ file: '[a', fields: base }, 'overrides.0.file: is not a file name pattern: Missing closing'],
    [{ file: ['*.pdf', 'a/*'], fields: base }, 'overrides.0.file.1: a file name has no "/"'],
    [{ file: '{1..9}', fields: base }, 'a range such as {1..3} is not known'],
    [{ file: '*.pdf', remove: ['itt'] }, 'overrides.0.remove.0: there is no field "itt"; there are: it'],
    [{ file: '*.pdf', field: base }, 'an override has no key "field"'],
  ])('%j is refused', (it, complaint) => {
    expect(override(it)[0]).toContain(complaint);
  });
});

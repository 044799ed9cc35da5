import { describe, expect, it } from '@jest/globals';
import jsonata from 'jsonata';
import {
  dependsOnFileName,
  effectiveFields,
  EXPRESSION_FUNCTIONS,
  globPattern,
  mayRunLong,
  orderedOutput,
  orderOfFields,
  templatePieces,
  workflowDefinitionSchema,
} from '../workflow.ts';

function definitionOf(extract: object, more: object = {}) {
  return workflowDefinitionSchema.parse({ steps: [{ read: {} }, { extract }], ...more });
}

const label = (text: string) => ({ type: 'string', label: text });

describe('an ordered output', () => {
  const definition = definitionOf({
    fields: {
      zebra: label('Z'),
      a: label('A'),
      lines: {
        type: 'table',
        from: [{ columns: { text: 'Text', n: 'N' } }, { columns: { text: 'T', amount: 'Amount', n: 'No' } }],
      },
      positions: { type: 'table', json_path: '$.positions' },
    },
    overrides: [{ file: '*', fields: { late: label('Late'), a: label('B') } }],
  });

  it('has its keys, and those of rows, in the order of the workflow; what it does not know comes last', () => {
    const output = {
      a: 1,
      late: 2,
      lines: [{ n: 1, text: 'x', amount: 3, extra: 0 }, 'odd'],
      other: true,
      positions: [{ b: 1, a: 2 }],
      zebra: 'z',
    };
    const ordered = orderedOutput(definition, output);
    expect(ordered).toEqual(output);
    expect(JSON.stringify(ordered)).toBe(
      '{"zebra":"z","a":1,"lines":[{"text":"x","n":1,"amount":3,"extra":0},"odd"],"positions":[{"b":1,"a":2}],"late":2,"other":true}',
    );
  });

  it.each([null, 'text', [1], 7])('is what it was where it is no object: %j', (output) => {
    expect(orderedOutput(definition, output)).toBe(output);
  });

  it('takes nothing for a key that is none', () => {
    const odd = definitionOf({ fields: { constructor: label('C'), a: label('A') } });
    expect(JSON.stringify(orderedOutput(odd, { a: 1 }))).toBe('{"a":1}');
    expect(orderedOutput({ steps: [{ read: {} }] }, { b: 1 })).toEqual({ b: 1 });
  });
});

it('a result depends on the name of the file by overrides and expressions alone', () => {
  const fields = { a: label('A') };
  expect(dependsOnFileName(definitionOf({ fields }))).toBe(false);
  expect(dependsOnFileName({ steps: [{ read: {} }] })).toBe(false);
  expect(dependsOnFileName(definitionOf({ fields, overrides: [{ file: '*', remove: ['a'] }] }))).toBe(true);
  expect(
    dependsOnFileName(definitionOf({ fields: { a: { ...label('A'), when: '$file.name = "x"' } } })),
  ).toBe(true);
});

describe('what may run long', () => {
  const of = (fields: object, more?: object) => mayRunLong(definitionOf({ fields }, more));

  it('are expressions, wherever they stand, and heavy patterns', () => {
    expect(
      of({
        a: label('A'),
        b: { type: 'string', regex: '([A-Z]{2}\\d{1,20})' },
        c: { type: 'string', value: 'x' },
      }),
    ).toBe(false);
    expect(of({ a: { type: 'number', compute: '1' } })).toBe(true);
    expect(of({ a: { ...label('A'), when: '$exists($text)' } })).toBe(true);
    expect(of({ a: { type: 'string', from: [{ label: 'A', when: 'true' }] } })).toBe(true);
    expect(of({ a: { ...label('A'), validate: { expression: '$value != ""' } } })).toBe(true);
    expect(of({ a: { ...label('A'), validate: { pattern: 'a{1000}b' } } })).toBe(true);
    expect(of({ a: { type: 'string', regex: '(?:[a-z]?){500}b' } })).toBe(true);
    expect(of({ a: label('A') }, { output_schema: { properties: { a: { pattern: 'a{1000}b' } } } })).toBe(
      true,
    );
  });

  it('are paths that search, and schemas that small as they are make much work', () => {
    const path = (json_path: string) => of({ a: { type: 'list', json_path } });
    expect(path("$.a[*]['b c'][0]")).toBe(false);
    expect(path("$[?match(@, '(a|a)*b')]")).toBe(true);
    expect(path('$..*..*')).toBe(true);
    expect(path('$[*,*][*,*]')).toBe(true);
    const schema = (output_schema: object) => of({ a: label('A') }, { output_schema });
    expect(schema({ required: ['a'], properties: { a: { type: 'string', format: 'date' } } })).toBe(false);
    const twice = [{ $ref: '#/$defs/b' }, { $ref: '#/$defs/b' }];
    expect(schema({ allOf: twice, $defs: { b: { type: 'object' } } })).toBe(true);
    expect(schema({ properties: { a: { uniqueItems: true } } })).toBe(true);
    expect(schema({ patternProperties: { 'a{1000}b': {} } })).toBe(true);
    expect(schema({ properties: { a: { format: 'email' } } })).toBe(true);
  });

  it('are very many labels and headings, or one that very many fields share', () => {
    const labels = (count: number, text: (at: number) => string) =>
      of(Object.fromEntries(Array.from({ length: count }, (_none, at) => [`f${at}`, label(text(at))])));
    expect(labels(200, (at) => `L${at}`)).toBe(false);
    expect(labels(30, () => 'Same')).toBe(false);
    expect(labels(200, () => 'Same')).toBe(true);
    const words = Array.from({ length: 20 }, (_none, at) => `W${at}`);
    expect(labels(20, (at) => words.map((word) => `${word} ${at}`) as never)).toBe(true);
    const columns = Object.fromEntries(Array.from({ length: 400 }, (_none, at) => [`c${at}`, `C${at}`]));
    expect(of({ t: { type: 'table', columns } })).toBe(true);
  });

  it('are overrides with expressions', () => {
    const override = { file: '*', fields: { a: { type: 'number', compute: '1' } } };
    expect(mayRunLong(definitionOf({ fields: { a: label('A') }, overrides: [override] }))).toBe(true);
    expect(mayRunLong({ steps: [{ read: {} }] })).toBe(false);
  });
});

it('fields come after those that they name, and those that see all come last', () => {
  const { steps } = definitionOf({
    fields: {
      all: { type: 'number', compute: '$count($keys($))' },
      c: { type: 'number', compute: 'b + a' },
      a: label('A'),
      b: { ...label('B'), when: 'd = "x"' },
      d: label('D'),
    },
  });
  expect(orderOfFields(steps[1]!.extract!.fields)).toEqual(['d', 'b', 'a', 'c', 'all']);
});

it('a definition with many fields and overrides is understood without reading each expression for each override', () => {
  const compute = (at: number) => `f${Math.max(0, at - 1)}${' + 1'.repeat(200)}`;
  const fields = Object.fromEntries(
    Array.from({ length: 60 }, (_none, at) => [
      `f${at}`,
      { type: 'number', ...(at % 10 === 0 ? { value: at } : { compute: compute(at) }) },
    ]),
  );
  const overrides = Array.from({ length: 50 }, (_none, at) => ({
    file: `${at}-*`,
    fields: { f0: { type: 'number', value: at } },
  }));
  const startedAt = performance.now();
  const { steps } = definitionOf({ fields });
  const once = performance.now() - startedAt;
  definitionOf({ fields, overrides });
  expect(performance.now() - startedAt - once).toBeLessThan(3 * once + 1000);
  expect(steps).toHaveLength(2);
});

it('overrides hold in their order, and may take out what an earlier one put in', () => {
  const { steps } = definitionOf({
    fields: { a: label('A'), b: label('B') },
    overrides: [
      { file: '*', fields: { c: label('C'), a: label('A2') } },
      { file: '*', remove: ['b', 'c'] },
    ],
  });
  expect(Object.keys(effectiveFields(steps[1]!.extract!, [0]))).toEqual(['a', 'b', 'c']);
  expect(effectiveFields(steps[1]!.extract!, [0, 1])).toEqual({ a: label('A2') });
});

it.each([
  ['*-credit*.pdf', ['x-Credit-1.PDF', '-credit.pdf'], ['credit.pdf', 'x-credit.pdf.txt']],
  ['inv-??.{txt,md}', ['inv-01.txt', 'inv-ab.md'], ['inv-1.txt', 'inv-01.pdf']],
  ['[!a]*', ['b.txt'], ['a.txt']],
  ['scan (2).pdf', ['scan (2).pdf'], ['scan 2.pdf']],
  ['a+b|c.txt', ['a+b|c.txt'], ['aab']],
  ['.*', ['.hidden'], ['a.b']],
])('the file name pattern %s', (glob, fits, others) => {
  const pattern = new RegExp(globPattern(glob).slice('(?i)'.length), 'iu');
  for (const name of fits) expect(name).toMatch(pattern);
  for (const name of others) expect(name).not.toMatch(pattern);
});

it('a text is taken apart at its placeholders', () => {
  expect(templatePieces('No {{ custom_data.a.b-c }}!')).toEqual(['No ', { keys: ['a', 'b-c'] }, '!']);
  expect(templatePieces('{a} } {{')).toEqual(['{a} } {{']);
});

it('a file name pattern without signs fits itself and nothing else', () => {
  const letters = [...'ab.-_ ()|+^$!@#%&~,;=0'];
  for (let seed = 1; seed <= 2000; seed += 1) {
    const at = (index: number) => letters[((seed * (index + 7) * 2_654_435_761) % 2 ** 31) % letters.length];
    const name = Array.from({ length: 1 + (seed % 8) }, (_none, index) => at(index)).join('');
    const pattern = new RegExp(globPattern(name).slice('(?i)'.length), 'iu');
    expect([name, pattern.test(name), pattern.test(`${name}x`)]).toEqual([name, true, false]);
  }
});

it.each(EXPRESSION_FUNCTIONS)('$%s is a function of the language', async (name) => {
  expect(await jsonata(`$type($${name})`).evaluate({})).toBe('function');
});

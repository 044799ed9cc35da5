import { describe, expect, it } from '@jest/globals';
import { workflowDefinitionSchema } from '@longshore/contracts';
import { compileWorkflow } from './compile-workflow.ts';
import { readDocument } from './read-document.ts';

const CONTENT = 'Net: 100\nTax: 19\nDate: 1 March 2026\n\nItem,Amount\n';
const base = {
  net: { type: 'number', label: 'Net' },
  tax: { type: 'number', label: 'Tax' },
  date: { type: 'date', label: 'Date' },
};

async function structure(fields: object, { content = CONTENT, customData = null as unknown } = {}) {
  const steps = [{ read: {} }, { extract: { fields: { ...base, ...fields } } }];
  const document = await readDocument(new TextEncoder().encode(content), { name: 'a.txt' });
  return compileWorkflow(workflowDefinitionSchema.parse({ steps })).structure(document, {
    name: 'a.txt',
    customData,
  });
}

/** The value of one computed field, or what is said about it. */
async function compute(
  expression: string,
  { type = 'number', ...more }: { type?: string; items?: string } = {},
) {
  const { output, problems } = await structure({ it: { type, ...more, compute: expression } });
  return 'it' in output ? output['it'] : problems;
}

describe('a computed field', () => {
  it.each([
    ['net + tax', { type: 'number' }, 119],
    ['$string(net) & " net"', { type: 'string' }, '100 net'],
    ['net > tax', { type: 'boolean' }, true],
    ['$substring(date, 0, 8) & "31"', { type: 'date' }, '2026-03-31'],
    ['[net, tax]', { type: 'list', items: 'number' }, [100, 19]],
    ['net', { type: 'list', items: 'number' }, [100]],
    ['[{"a": net}, {"a": tax}]', { type: 'table' }, [{ a: 100 }, { a: 19 }]],
    ['{"a": net}', { type: 'table' }, [{ a: 100 }]],
    ['$document.kind & $document.pages & $file.name', { type: 'string' }, 'txt1a.txt'],
    ['$match($text, /(?:tax|net): (\\d+)/i).groups', { type: 'list', items: 'number' }, [100, 19]],
    ['$replace("a.b.c", /\\./, "-")', { type: 'string' }, 'a-b-c'],
    ['$split("a1b22c", /\\d+/)', { type: 'list' }, ['a', 'b', 'c']],
  ])('%s is of type %j', async (expression, type, value) => {
    expect(await compute(expression, type)).toEqual(value);
  });

  it('may build on others, in whatever order they stand', async () => {
    const { output } = await structure({
      gross: { type: 'number', compute: '$round(double * 1.19, 2)' },
      double: { type: 'number', compute: 'net * 2' },
    });
    expect(JSON.stringify(output)).toBe('{"net":100,"tax":19,"date":"2026-03-01","gross":238,"double":200}');
  });

  it('sees what the request said', async () => {
    const it1 = { type: 'number', compute: 'net * $custom_data.rates[kind = "b"].rate' };
    const customData = {
      rates: [
        { kind: 'a', rate: 1 },
        { kind: 'b', rate: 3 },
      ],
    };
    expect((await structure({ it: it1 }, { customData })).output).toMatchObject({ it: 300 });
  });

  it('that gives nothing is not found, required or not', async () => {
    const gone = { gone: { type: 'number', label: 'Gone' } };
    const it1 = { type: 'number', compute: 'gone * 2' };
    expect(await structure({ ...gone, it: it1 })).toMatchObject({ problems: [] });
    expect((await structure({ ...gone, it: { ...it1, required: true } })).problems).toMatchObject([
      { reason: 'missing', message: 'it is required, but was not found by its expression.' },
    ]);
  });

  it('that cannot be computed, or is of another type, is a problem like a value that does not convert', async () => {
    expect(await compute('date * 2')).toEqual([
      {
        field: 'it',
        reason: 'expression',
        outcome: 'problem',
        message:
          'it: its expression cannot be evaluated: The left side of the "*" operator must evaluate to a number.',
      },
    ]);
    expect(await compute('[net, tax]')).toMatchObject([
      { message: 'it: is an object or a list, not a single value.' },
    ]);
    expect(await compute('[net]', { type: 'table' })).toMatchObject([
      { message: 'it: item 1 is not an object.' },
    ]);
    expect(await compute('$uppercase', { type: 'string' })).toMatchObject([
      { message: expect.stringContaining('gives a function') },
    ]);
    expect(await compute('[{"f": $uppercase}]', { type: 'table' })).toEqual([{ f: null }]);
  });

  it('cannot reach what lies around it', async () => {
    expect(await compute('net.constructor.constructor', { type: 'string' })).toEqual([]);
    expect(await compute('$lookup({}, "__proto__")', { type: 'string' })).toEqual([]);
  });
});

describe('an expression that takes too much', () => {
  it.each([
    ['($f := function($n) { $f($n + 1) }; $f(1))', 'takes longer than 2 seconds'],
    ['($f := function($n) { 1 + $f($n) }; $f(1))', 'calls itself more than 1000 levels deep'],
    ['$count([1..1000000])', 'makes a list of more than 100000 items'],
    ['$count([1..400].([1..400]))', 'makes a list of more than 100000 items'],
    [
      '($f := function($o) { $f({"a": $o, "b": $o}) }; $string($f({"x": 1})))',
      'makes or reads something of more than',
    ],
    ['($f := function($s) { $f($s & $s) }; $f("abc"))', 'makes or reads something of more than 4194304'],
    ['$pad("x", 500000000)', 'makes or reads something of more than 4194304 characters or values'],
    [
      '$join($split($pad("", 500000, "x"), ""), "0123456789")',
      'makes or reads something of more than 4194304',
    ],
    [
      '$replace($pad("", 1000, "a"), "a", $pad("", 10000, "b"))',
      'makes or reads something of more than 4194304',
    ],
  ])('%s ends the work on its file', async (expression, reason) => {
    const { output, problems } = await structure({
      it: { type: 'string', compute: expression },
      after: { type: 'number', required: true, compute: 'it' },
    });
    expect(output).toEqual({ net: 100, tax: 19, date: '2026-03-01' });
    expect(problems).toEqual([
      {
        field: 'it',
        reason: 'limit',
        outcome: 'fail',
        message: expect.stringContaining(`it: its expression ${reason}`),
      },
    ]);
  });

  it('is one that reads a very long text, which fits no single step', async () => {
    const content = 'a'.repeat(4 * 1024 * 1024 + 1);
    const { problems } = await structure({ it: { type: 'number', compute: '$length($text)' } }, { content });
    expect(problems).toMatchObject([{ field: 'it', reason: 'limit' }]);
  });

  it('is not one with a pattern that other engines try for ever', async () => {
    const content = `${'a'.repeat(5000)}!`;
    const it1 = { type: 'boolean', compute: '$contains($text, /^(a+)+$/)' };
    expect((await structure({ it: it1 }, { content })).output).toEqual({ it: false });
  });
});

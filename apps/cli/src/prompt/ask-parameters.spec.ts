import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '@longshore/contracts';
import { askParameters } from './ask-parameters.ts';

const schema = {
  type: 'object',
  required: ['name', 'count', 'loud', 'size'],
  properties: {
    name: { type: 'string', description: 'Whom\n to greet' },
    count: { type: 'integer', minimum: 1, maximum: 9 },
    factor: { type: 'number', default: 1.5, maximum: 9007199254740991 },
    loud: { type: 'boolean' },
    size: { enum: ['small', 'large', 3] },
    rest: { type: 'array', items: { type: 'string' } },
  },
};

async function setup(given: JsonValue, answers: string[]) {
  const asked: string[] = [];
  const told: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    const answer = answers.shift();
    if (answer === undefined) throw new Error(`no answer to ${question}`);
    return answer;
  };
  const parameters = await askParameters(given, { ask, tell: (line) => told.push(line) });
  return { parameters, asked, told };
}

describe('parameters that are asked for', () => {
  it('are those of the schema, each in its type, and what is left out is not sent', async () => {
    const { parameters, asked, told } = await setup(schema, [' 5 ', '5', 'Yes', '3', '', '["a"]']);
    expect(parameters).toStrictEqual({ name: '5', count: 5, loud: true, size: 3, rest: ['a'] });
    expect(asked).toEqual([
      'name (text): Whom to greet\n> ',
      'count (whole number, 1 to 9)\n> ',
      'loud (yes or no)\n> ',
      'size (small, large, 3)\n> ',
      'factor (number, default 1.5)\n> ',
      'rest (JSON, may be left out)\n> ',
    ]);
    expect(told).toEqual([]);
  });

  it('are asked for again where an answer will not do, with the reason', async () => {
    const answers = [
      '',
      'x',
      'many',
      '0',
      '1.5',
      '2',
      'perhaps',
      'no',
      'medium',
      'small',
      'a lot',
      '2.5',
      '[',
      '',
    ];
    const { parameters, told } = await setup(schema, answers);
    expect(parameters).toStrictEqual({ name: 'x', count: 2, factor: 2.5, loud: false, size: 'small' });
    expect(told.slice(0, -1)).toEqual([
      'name is required.',
      ...Array.from({ length: 3 }, () => 'count is a whole number, 1 to 9.'),
      'loud is yes or no.',
      'size is one of small, large, 3.',
      'factor is a number.',
    ]);
    expect(told.at(-1)).toMatch(/^rest is to be JSON/);
  });

  it('are asked for in the order in which the schema requires them, and then the others', async () => {
    const text = { type: 'string' };
    const stored = { at: text, url: text, size: { ...text, default: 'm' }, width: text };
    const given = { properties: stored, required: ['width', 'size', 'url', 'nowhere'] };
    const { asked } = await setup(given, ['1', 'u', '', '']);
    expect(asked.map((question) => question.split(' ')[0])).toEqual(['width', 'url', 'size', 'at']);
  });

  it.each([[{}], [true], [{ type: 'object' }], [{ properties: [] }]])('are none of %j', async (given) => {
    expect(await setup(given as JsonValue, [])).toMatchObject({ parameters: {}, asked: [] });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, textFile } from '../testing/http-client.ts';
import { idOf, UNKNOWN, startDeployment, type DeploymentUnderTest } from './deployment.fixture.ts';

let under: DeploymentUnderTest;
let backend: DeploymentUnderTest['backend'];
let deployment: DeploymentUnderTest['deployment'];

beforeAll(async () => {
  under = await startDeployment();
  ({ backend, deployment } = under);
});
afterAll(() => under?.stop());

describe('a field', () => {
  const invalid = async (fields: Record<string, string>) => {
    const { status, body } = await post(deployment, [textFile('a.txt')], fields);
    expect([status, body.type]).toStrictEqual([400, 'validation_error']);
    return body.errors;
  };

  it.each(['-2', '301', '1.5', 'soon', '', '1e2', '99999999999999999999'])(
    'timeout may not be "%s"',
    async (timeout) => {
      expect(await invalid({ timeout })).toStrictEqual([
        { code: 'invalid', detail: 'Must be a whole number from -1 to 300.', attr: 'timeout' },
      ]);
    },
  );

  it.each(['true', 'True', 'TRUE', 't', '1', 'yes', 'on', ' true '])(
    'that is boolean may say "%s"',
    async (word) => {
      const fields = { include_metadata: word, include_metrics: word, include_extracted_text: word };
      const [result] = (await post(deployment, [textFile('a.txt', 'hi')], { ...fields, timeout: '300' })).body
        .message.result;
      expect(result.result).toStrictEqual({
        output: { text: 'hi' },
        metadata: { file_name: 'a.txt', size: 2, document: { kind: 'text', pages: 1 }, problems: [] },
        metrics: { reading_ms: 3, total_ms: expect.any(Number), attempts: 1, starts: 1 },
      });
      expect(result.extracted_text).toBe('hi');
    },
  );

  it.each(['false', 'False', 'f', '0', 'no', 'off', ''])(
    'that is boolean may deny with "%s"',
    async (word) => {
      const fields = { include_metadata: word, include_metrics: word, include_extracted_text: word };
      const [result] = (
        await post(deployment, [textFile('a.txt', 'hi')], {
          ...fields,
          use_file_history: word,
          timeout: '300',
        })
      ).body.message.result;
      expect(result.result).toStrictEqual({ output: { text: 'hi' } });
      expect(result).not.toHaveProperty('extracted_text');
    },
  );

  it('that is boolean may say nothing else', async () => {
    const detail = 'Must be a valid boolean.';
    expect(await invalid({ include_metadata: 'maybe', include_metrics: '2' })).toStrictEqual([
      { code: 'invalid', detail, attr: 'include_metadata' },
      { code: 'invalid', detail, attr: 'include_metrics' },
    ]);
  });

  it('tags holds at most one tag, which comes back with each result', async () => {
    const { body } = await post(deployment, [textFile('a.txt')], { tags: ' march_2-b ', timeout: '300' });
    expect(body.message.result[0].metadata.tags).toStrictEqual(['march_2-b']);
    for (const tags of ['a,b', '1a', 'a b', 'ä', '-a', `a${'b'.repeat(50)}`, 'a\0b']) {
      expect(await invalid({ tags })).toMatchObject([{ attr: 'tags' }]);
    }
    expect((await post(deployment, [textFile('a.txt')], { tags: ' , ' })).status).toBe(200);
  });

  it('llm_profile_id is a UUID in any case, or empty', async () => {
    for (const llm_profile_id of ['', UNKNOWN, '0192F0C1-7E3A-7ABC-9DEF-0123456789AB']) {
      expect((await post(deployment, [textFile('a.txt')], { llm_profile_id })).status).toBe(200);
    }
    expect(await invalid({ llm_profile_id: 'gpt' })).toMatchObject([{ attr: 'llm_profile_id' }]);
  });

  it('custom_data is a JSON object, kept as it came', async () => {
    const custom = {
      text: 'a \\u0000 that is none',
      'ключ "x"': [1, null, { deep: '😀' }],
      ['__proto__']: 1,
    };
    const id = idOf(await post(deployment, [textFile('a.txt')], { custom_data: JSON.stringify(custom) }));
    const [row] = await backend.database.query<{ custom_data: unknown }>(
      'select custom_data from executions where id = $1',
      [id],
    );
    expect(row!.custom_data).toEqual(custom);
    for (const custom_data of ['', 'null', '{}']) {
      expect((await post(deployment, [textFile('a.txt')], { custom_data })).status).toBe(200);
    }
  });

  it.each([
    ['no JSON', '{'],
    ['a list', '[1]'],
    ['a number', '7'],
    ['a NUL character', '{"a":"\\u0000"}'],
    ['a NUL character in a key', '{"a\\u0000":1}'],
    ['half of a surrogate pair', '{"a":["\\ud800"]}'],
    ['a number that no double holds', '{"a":1e999}'],
    ['nesting without end', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('custom_data may not be %s', async (_what, custom_data) => {
    expect(await invalid({ custom_data })).toMatchObject([{ code: 'invalid', attr: 'custom_data' }]);
  });

  it('each that is wrong is named in one answer', async () => {
    const errors = await invalid({ timeout: 'x', tags: '1', custom_data: '[]', llm_profile_id: '7' });
    expect(errors.map((error: { attr: string }) => error.attr).sort()).toStrictEqual([
      'custom_data',
      'llm_profile_id',
      'tags',
      'timeout',
    ]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { credentialIssues, type CredentialType } from './index.ts';

describe('the values of a credential', () => {
  it.each<[CredentialType, Record<string, string>, string[]]>([
    ['bearer', { token: 'abc.DEF-1~ 2=' }, []],
    ['bearer', { token: 'caf\u00e9 \u20ac' }, ['values.token']],
    ['bearer', { token: 'a\tb' }, ['values.token']],
    ['bearer', { token: 'a\r\nX-Other: b' }, ['values.token']],
    ['basic', { username: 'm\u00fcller', password: '\u20ac' }, []],
    ['s3', { access_key_id: '\u20ac', secret_access_key: '\u20ac' }, ['values.access_key_id']],
    ['s3', { access_key_id: 'A', secret_access_key: 'b', session_token: '\u0001' }, ['values.session_token']],
  ])('of %s can be sent: %j', (type, values, wrong) => {
    const issues = credentialIssues(type, values);
    expect([...new Set(issues.map(({ path }) => path.join('.')))]).toEqual(wrong);
    for (const { message } of issues)
      for (const value of Object.values(values)) expect(message).not.toContain(value);
  });
});

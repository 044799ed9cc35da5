import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createRunTokens } from './run-tokens.ts';

const claims = { runId: 'run', epoch: 3, organisationId: 'org', executionId: 'execution', task: 'work' };

function setup({ secret = randomBytes(32), nowMs = 1_000_000 } = {}) {
  let now = nowMs;
  return { secret, tokens: createRunTokens(secret, () => now), pass: (ms: number) => (now += ms) };
}

describe('a run token', () => {
  it('says what it was issued for, until it expires', () => {
    const { tokens, pass } = setup();
    const token = tokens.issue(claims, 60_000);
    expect(tokens.verify(token)).toMatchObject(claims);
    pass(61_000);
    expect(tokens.verify(token)).toBeNull();
  });

  it('of another secret, with other claims, cut short or made up is worth nothing', () => {
    const { tokens } = setup();
    const token = tokens.issue(claims, 60_000);
    const [body, signature] = token.slice('lsr_'.length).split('.') as [string, string];
    const forged = Buffer.from(JSON.stringify(['other', 3, 'org', 'execution', 'work', 9e9])).toString(
      'base64url',
    );
    const wrong = [
      setup().tokens.issue(claims, 60_000),
      `lsr_${forged}.${signature}`,
      `lsr_${body}`,
      `lsr_${body}.`,
      body,
      '',
      'lsr_.',
    ];
    expect(wrong.map((each) => tokens.verify(each))).toEqual(wrong.map(() => null));
  });

  it.each([[32], [64], [100]])('is signed with HMAC-SHA-256, also with a secret of %d bytes', (bytes) => {
    const { secret, tokens } = setup({ secret: randomBytes(bytes) });
    const [body, signature] = tokens.issue(claims, 60_000).slice('lsr_'.length).split('.') as [
      string,
      string,
    ];
    expect(signature).toBe(createHmac('sha256', secret).update(body).digest('base64url'));
  });
});

import { describe, expect, it } from '@jest/globals';
import { redact } from './redact.ts';
import { isSecretName } from './secret-names.ts';

const shown = (value: unknown): string => JSON.stringify(redact(value));

describe('redact hides by name', () => {
  it.each([
    'password',
    'dbPassword',
    'DB_PASSWORD_HASH',
    'authorization',
    'Proxy-Authorization',
    'apiKey',
    'X-API-Key',
    'api_key',
    'token',
    'run_token',
    'accessToken',
    'clientSecret',
    'set-cookie',
    'credentials',
    'awsSecretAccessKey',
    'privateKey',
    'INTERNAL_SERVICE_API_KEY',
    'X-Amz-Signature',
  ])('%s', (name) => {
    expect(redact({ [name]: 'hunter2' })).toEqual({ [name]: '[redacted]' });
    expect(shown({ deep: [{ [name]: { inner: 'hunter2' } }] })).not.toContain('hunter2');
  });

  it.each([
    'tokens',
    'token_count',
    'maxTokens',
    'key',
    'keyId',
    'idempotency_key',
    'author',
    'passed',
    'message',
  ])('but shows %s', (name) => {
    expect(isSecretName(name)).toBe(false);
  });

  it('but shows whether there is one', () => {
    expect(redact({ token: null, password: true })).toEqual({ token: null, password: true });
  });

  it('in maps as well', () => {
    expect(redact(new Map([['token', 'hunter2']]))).toEqual({ token: '[redacted]' });
  });
});

describe('redact hides by shape', () => {
  const jwt = `eyJ${'hbGciOiJI'.repeat(3)}.eyJ${'zdWIiOiIx'.repeat(3)}.${'c2lnbmF0'.repeat(4)}`;
  it.each([
    ['our keys', 'key lsk_4f9aSECRETc2d8 used', 'SECRET'],
    ['bearer tokens', 'Authorization: Bearer abcSECRETdef.123', 'SECRET'],
    ['basic credentials', 'basic dXNlcjpTRUNSRVQ=', 'dXNlcjpTRUNSRVQ'],
    ['JSON web tokens', `run ${jwt} refused`, jwt.slice(10, 40)],
    ['tokens of two parts', `eyJydW4iOiIxMjM0NTY3ODkwIn0.SECRETSECRETSECRET`, 'SECRET'],
    ['Redis passwords', 'connect redis://:SECRET@cache:6379/0 failed', 'SECRET'],
    ['PostgreSQL passwords', 'postgres://user:SECRET@db:5432/x', 'SECRET'],
    ['passwords with @', 'postgres://user:p@SECRET@db/x', 'SECRET'],
    ['passwords with /', 'redis://:pa/SECRET@cache:6379', 'SECRET'],
    ['passwords with #', 'redis://:pa#SECRET@cache:6379', 'SECRET'],
    ['tokens as users of URLs', 'https://SECRET@git.example/x', 'SECRET'],
    ['query parameters', 'GET /x?page=2&api_key=SECRET&y=1', 'SECRET'],
    ['assignments', 'started with DB_PASSWORD=SECRET', 'SECRET'],
    ['JSON in text', 'body {"password":"top SECRET","x":1}', 'SECRET'],
    ['keys of providers', 'using sk-ant-api03-SECRET-SECRET', 'SECRET'],
    ['webhook secrets', 'whsec_SECRETSECRETSECRET', 'SECRET'],
    ['private keys', '-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----', 'SECRET'],
  ])('%s', (_name, text, secret) => {
    expect(text).toContain(secret);
    expect(shown({ text })).not.toContain(secret);
    expect(shown([text])).not.toContain(secret);
    expect(shown(new Error(text))).not.toContain(secret);
    expect(shown({ [text]: 1 })).not.toContain(secret);
  });

  it('and leaves the rest of the text alone', () => {
    expect(redact('connect redis://:pw@cache:6379/0 failed')).toBe(
      'connect redis://:[redacted]@cache:6379/0 failed',
    );
    for (const text of [
      'GET http://127.0.0.1:8000/internal/x?mail=a@b.example 200',
      'read report.final.2024.pdf in 12 ms',
      'used 512 tokens: fine',
      '018f3c1e-7b1a-7c3d-9e4f-1a2b3c4d5e6f',
      'mail someone@example.org',
    ]) {
      expect(redact(text)).toBe(text);
    }
  });

  it('even where the text is cut', () => {
    const text = `${'x'.repeat(16_370)} redis://user:SECRETSECRET@cache`;
    expect(shown(text)).not.toContain('SECRET');
  });

  it('in linear time', () => {
    for (const unit of [
      'a',
      'a:',
      '://',
      'redis://',
      'redis://a:',
      'password',
      'eyJaaaaaaaa.',
      '-----BEGIN PRIVATE KEY-----',
      '"token":"',
    ]) {
      const before = performance.now();
      redact(unit.repeat(5_000_000 / unit.length));
      expect(performance.now() - before).toBeLessThan(10_000);
    }
  });
});

describe('redact reduces errors', () => {
  it('to name, message, code, status, stack and cause', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      address: '10.0.0.1',
    });
    const error = Object.assign(new TypeError('it failed', { cause }), {
      isAxiosError: true,
      config: { headers: { Authorization: 'Bearer hunter2' }, data: 'hunter2' },
      request: { path: '/hunter2' },
      response: { status: 503, data: { text: 'hunter2' } },
    });
    const safe = redact({ error }) as { error: Record<string, unknown> };
    expect(Object.keys(safe.error)).toEqual(['name', 'message', 'status', 'stack', 'cause']);
    expect(safe.error).toMatchObject({ name: 'TypeError', message: 'it failed', status: 503 });
    expect(safe.error['cause']).toMatchObject({ message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' });
    expect(JSON.stringify(safe)).not.toContain('hunter2');
  });

  it('also those that are plain objects, or came from elsewhere', () => {
    const plain = {
      isAxiosError: true,
      message: 'Request failed',
      config: { data: 'hunter2' },
      code: 'ERR_BAD',
    };
    expect(redact(plain)).toEqual({ message: 'Request failed', code: 'ERR_BAD' });
    expect(shown({ message: 'x', stack: 'y', extra: 'hunter2' })).not.toContain('hunter2');
  });

  it('and all of an AggregateError, and circles of causes', () => {
    const first = new Error('first');
    first.cause = new AggregateError([first, new Error('lsk_SECRETSECRET')], 'many');
    const text = shown(first);
    expect(text).toContain('many');
    expect(text).toContain('[circular]');
    expect(text).not.toContain('SECRETSECRET');
  });
});

describe('redact takes anything', () => {
  it('that JSON cannot hold', () => {
    const circle: Record<string, unknown> = {
      big: 10n,
      nan: NaN,
      at: new Date(0),
      bytes: Buffer.from('abc'),
    };
    circle['self'] = circle;
    expect(
      redact({ ...circle, fn: () => 1, symbol: Symbol('s'), set: new Set([1]), bad: new Date(NaN) }),
    ).toMatchObject({
      big: '10',
      nan: 'NaN',
      at: '1970-01-01T00:00:00.000Z',
      bytes: '[3 bytes]',
      self: { self: '[circular]' },
      fn: '[function]',
      symbol: 'Symbol(s)',
      set: [1],
      bad: 'Invalid Date',
    });
    expect(redact('\ud800')).toBe('\ufffd');
  });

  it('that throws when it is looked at', () => {
    const getter = {
      ok: 1,
      get bad(): never {
        throw new Error('no');
      },
    };
    expect(redact(getter)).toEqual({ ok: 1, bad: '[unreadable]' });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(redact({ proxy })).toEqual({ proxy: '[unreadable]' });
    expect(redact({ toJSON: () => ({ password: 'x' }) })).toEqual({ toJSON: '[function]' });
  });

  it('that shares parts without being a circle', () => {
    const part = { a: 1 };
    expect(redact([part, part])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('however long, wide or deep', () => {
    expect(shown('x'.repeat(5_000_000)).length).toBeLessThan(20_000);
    expect(shown(Array.from({ length: 100_000 }, (_, index) => index)).length).toBeLessThan(1000);
    const tree = (depth: number): unknown =>
      depth === 0 ? 'leaf' : Array.from({ length: 50 }, () => tree(depth - 1));
    expect(shown(tree(4)).length).toBeLessThan(50_000);
    const texts = Object.fromEntries(
      Array.from({ length: 99 }, (_, index) => [`k${index}`, 'y'.repeat(20_000)]),
    );
    expect(shown(texts).length).toBeLessThan(200_000);
    let deep: unknown = 'bottom';
    for (let level = 0; level < 50_000; level += 1) deep = { deep };
    expect(shown(deep)).toContain('[cut]');
  });

  it('and does not change it', () => {
    const value = Object.freeze({ password: 'x', list: Object.freeze(['Bearer abcdef']) });
    redact(value);
    expect(value).toEqual({ password: 'x', list: ['Bearer abcdef'] });
  });

  it('with a key named __proto__', () => {
    const safe = redact(JSON.parse('{"__proto__":{"polluted":1}}')) as object;
    expect(JSON.stringify(safe)).toBe('{"__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

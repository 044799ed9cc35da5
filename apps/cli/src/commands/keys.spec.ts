import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { AuditEvent, KeyView } from '@longshore/contracts';
import { createProgram } from '../program.ts';
import { auditLines } from './audit.ts';
import { secondsOf } from './duration-option.ts';
import { momentOf } from './key-options.ts';
import { keyLines, keyRequest } from './keys.ts';

const ID = '019a0000-0000-7000-8000-000000000001';

const key: KeyView = {
  id: ID,
  kind: 'deployment',
  name: 'portal',
  hint: 'lsk_dep_…abcd',
  state: 'active',
  organisation: 'acme',
  api_name: 'invoices',
  workers: [],
  queues: [],
  created_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2027-01-01T10:30:00.000Z',
  last_used_at: null,
  revoked_at: null,
  successor_id: null,
};
const event: AuditEvent = {
  id: ID,
  at: '2026-01-01T00:00:00.000Z',
  last_at: '2026-01-01T00:00:09.000Z',
  count: 7,
  actor: { kind: 'anonymous', key_id: null, key_name: null },
  address: '198.51.100.1',
  request_id: ID,
  action: 'authenticate',
  outcome: 'refused',
  organisation: null,
  target: null,
  detail: { route: 'GET /api/v1/queues', code: 'missing_api_key' },
};

afterEach(() => {
  jest.restoreAllMocks();
});

/** Runs a command line against a backend that gives these answers in turn. */
async function run(words: string[], ...answers: unknown[]) {
  const asked: { method: string; url: URL; body: unknown; authorization: string }[] = [];
  jest.spyOn(globalThis, 'fetch').mockImplementation(async (input, init = {}) => {
    const { authorization } = init.headers as Record<string, string>;
    const body = init.body === undefined ? undefined : JSON.parse(String(init.body));
    asked.push({ method: init.method!, url: new URL(String(input)), body, authorization: authorization! });
    return Response.json(answers.shift());
  });
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    status: () => undefined,
  };
  const connection = ['--url', 'http://127.0.0.1:1'];
  const admin = words.includes('--api-key') ? [] : ['--admin-key', 'lsk_adm_0123456789abcdef'];
  await createProgram(terminal)
    .exitOverride()
    .parseAsync(['node', 'longshore', ...words, ...connection, ...admin]);
  return { asked, out, err };
}

describe('longshore keys', () => {
  it('create prints the secret alone where a script takes it from, and the rest beside it', async () => {
    const words = ['keys', 'create', 'portal', '--kind', 'deployment', '--org', 'acme'];
    const named = ['--api-name', 'invoices', '--expires-in-days', '90'];
    const { asked, out, err } = await run([...words, ...named], {
      ...key,
      key: 'lsk_dep_x',
    });
    expect(asked).toMatchObject([
      {
        method: 'POST',
        body: {
          kind: 'deployment',
          name: 'portal',
          organisation: 'acme',
          api_name: 'invoices',
          expires_in_days: 90,
        },
      },
    ]);
    expect(out).toStrictEqual(['lsk_dep_x']);
    expect(err.join()).toContain('not shown again');
  });

  it('list reads all pages, with the filter, and shows what identifies a key', async () => {
    const second = {
      ...key,
      id: ID.replace(/1$/, '2'),
      kind: 'service',
      workers: ['general'],
      queues: ['a', 'b'],
    };
    const { asked, out } = await run(
      ['keys', 'list', '--kind', 'deployment', '--api-key', 'lsk_org_0123456789abcdef'],
      { keys: [key], next_cursor: 'abc' },
      { keys: [second], next_cursor: null },
    );
    expect(asked.map(({ url }) => url.search)).toStrictEqual([
      '?kind=deployment&limit=1000',
      '?kind=deployment&limit=1000&cursor=abc',
    ]);
    expect(asked[0]!.authorization).toBe('Bearer lsk_org_0123456789abcdef');
    expect(out).toHaveLength(4);
    expect(out[2]).toContain('lsk_dep_…abcd  acme/invoices');
    expect(out[2]).toContain('2027-01-01 10:30');
    expect(out[3]).toContain('general: a,b');
  });

  it('rotate sends the overlap in seconds, and revoke says what was revoked', async () => {
    const rotated = await run(['keys', 'rotate', ID, '--overlap', '7d'], { ...key, key: 'lsk_dep_y' });
    expect(rotated.asked).toMatchObject([{ method: 'POST', body: { overlap_seconds: 604_800 } }]);
    expect(rotated.asked[0]!.url.pathname).toBe(`/api/v1/keys/${ID}/rotate`);
    jest.restoreAllMocks();
    const revoked = await run(['keys', 'revoke', ID], { ...key, state: 'revoked' });
    expect(revoked.asked).toMatchObject([{ method: 'DELETE' }]);
    expect(revoked.out).toStrictEqual(['deployment key "portal" (lsk_dep_…abcd) is revoked.']);
  });

  it('names the option that a kind of key needs', () => {
    const flags = { organisation: 'default' };
    expect(() => keyRequest('x', { ...flags, kind: 'deployment' })).toThrow('needs --api-name:');
    for (const name of ['api', 'apiName'])
      expect(keyRequest('x', { ...flags, kind: 'deployment', [name]: 'a' })).toMatchObject({ api_name: 'a' });
    expect(() => keyRequest('x', { ...flags, kind: 'service', workers: ['a'] })).toThrow('needs --queues');
    expect(keyLines([])).toStrictEqual(['There is no such key: "longshore keys create" makes one.']);
  });
});

describe('longshore audit', () => {
  it('reads as many as asked for, page by page, and shows how often something happened', async () => {
    const { asked, out } = await run(
      ['audit', '--limit', '2', '--since', '2026-01-01', '--outcome', 'refused'],
      { events: [event], next_cursor: 'abc' },
      { events: [event], next_cursor: 'def' },
    );
    expect(asked.map(({ url }) => url.searchParams.get('limit'))).toStrictEqual(['2', '1']);
    expect(asked[0]!.url.searchParams.get('since')).toBe('2026-01-01T00:00:00.000Z');
    expect(out).toHaveLength(4);
    expect(out[2]).toMatch(
      /anonymous .*198\.51\.100\.1 .*refused .*7 .*GET \/api\/v1\/queues missing_api_key/,
    );
    expect(auditLines([])).toStrictEqual(['Nothing of that kind is in the audit log.']);
  });

  it('prints what the backend answered when asked for JSON', async () => {
    const { out } = await run(['audit', '--json'], { events: [event], next_cursor: null });
    expect(JSON.parse(out.join(''))).toStrictEqual({ events: [event] });
  });
});

describe('times on the command line', () => {
  it.each([
    ['0', 0],
    ['90s', 90],
    ['30m', 1_800],
    ['24h', 86_400],
    ['7d', 604_800],
    ['1h30m', 5_400],
    ['90', 90],
  ])('%s is %d seconds', (spelled, seconds) => {
    expect(secondsOf(spelled)).toBe(seconds);
  });

  it('are a moment, or how long ago', () => {
    const now = Date.parse('2026-05-01T12:00:00Z');
    expect(momentOf('2h', now)).toBe('2026-05-01T10:00:00.000Z');
    expect(momentOf('1h30m', now)).toBe('2026-05-01T10:30:00.000Z');
    expect(momentOf('2026-04-30', now)).toBe('2026-04-30T00:00:00.000Z');
    for (const spelled of ['soon', '5y', '']) expect(() => momentOf(spelled, now)).toThrow('is no moment');
    for (const spelled of ['x', '-1', '1.5h']) expect(() => secondsOf(spelled)).toThrow('is no duration');
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Webhook, WebhookDelivery } from '@longshore/contracts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const ID = '019a0000-0000-7000-8000-000000000001';
const DELIVERY = '019a0000-0000-7000-8000-000000000002';
const AT = '2026-05-01T02:30:00.000Z';

const webhook: Webhook = {
  ...{ webhook_id: ID, organisation: 'default', name: 'accounting', description: '', form: 'standard' },
  ...{ url: 'https://example.com/in', events: ['execution.failed'], deployments: null, window_seconds: 300 },
  ...{ enabled: false, disabled_reason: 'it is gone', earlier_secret_until: null, gathered: 7 },
  ...{ created_at: AT, changed_at: AT },
};
const dead: WebhookDelivery = {
  ...{ delivery_id: DELIVERY, state: 'dead', test: false, events: 3, tries: 5, replays: 0 },
  ...{ last_error: 'The endpoint answered 503', created_at: AT, ended_at: AT },
};

/** A platform with one webhook, `accounting`. */
async function setup() {
  const asked: string[] = [];
  const answers: [RegExp, object][] = [
    [/^GET .*\/deliveries/, { deliveries: [dead], next_cursor: null }],
    [/^GET .*name=none/, { webhooks: [], next_cursor: null }],
    [/^GET \/api\/v1\/webhooks(\?|$)/, { webhooks: [webhook], next_cursor: null }],
    [/^POST .*\/deliveries\/.*\/replay/, dead],
    [/^POST .*\/replay/, { replayed: 2 }],
    [/^POST .*\/test/, dead],
    [/^POST .*(\/rotate|webhooks)$/, { ...webhook, secret: 'whsec_c2VjcmV0' }],
    [/^DELETE/, { status: 'ok' }],
    [/./, webhook],
  ];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const line = `${request.method} ${request.url}`;
      asked.push(`${line.replace('/api/v1/webhooks', '')} ${body}`.trim());
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answers.find(([pattern]) => pattern.test(line))![1]));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    status: () => undefined,
  };
  const run = ([name, ...args]: string[]) =>
    createProgram(terminal as unknown as Terminal).parseAsync(
      ['webhooks', name!, '--api-key', 'lsk_org_0123456789abcdef', '--url', url, ...args],
      { from: 'user' },
    );
  return { run, out, err, asked, url };
}

describe('longshore webhooks', () => {
  it('lists them, and shows why one was disabled', async () => {
    const { run, out } = await setup();
    await run(['list']);
    expect(out[2]).toMatch(/^accounting +default +standard +disabled +300 s +7 +https:\/\/example.com\/in/);
    await run(['show', 'accounting']);
    expect(out.join('\n')).toContain('disabled: it is gone');
  });

  it('creates one from flags, and prints its secret alone, the rest beside it', async () => {
    const { run, out, err, asked } = await setup();
    const fields = ['--to', 'https://x.example/in', '--form', 'slack', '--window', '60'];
    await run([
      'create',
      'alarms',
      ...fields,
      '--events',
      'execution.failed,task.failed',
      '--deployments',
      'a,b',
    ]);
    expect(JSON.parse(asked[0]!.slice('POST '.length)) as unknown).toEqual({
      ...{ name: 'alarms', url: 'https://x.example/in', form: 'slack', window_seconds: 60 },
      ...{ events: ['execution.failed', 'task.failed'], deployments: ['a', 'b'] },
    });
    expect(out).toEqual(['whsec_c2VjcmV0']);
    expect(err[0]).toMatch(/^accounting \(disabled\)/);
    expect(err.at(-1)).toBe('Keep its secret: it is not shown again.');
  });

  it('gives another secret, printed alone, or all of the webhook as JSON', async () => {
    const { run, out, err } = await setup();
    await run(['rotate', 'accounting']);
    expect(out).toEqual(['whsec_c2VjcmV0']);
    expect(err).toEqual(['accounting has another secret', 'Keep its secret: it is not shown again.']);
    for (const words of [['rotate'], ['create', '--to', 'https://x.example/in']])
      await run([...words, 'accounting', '--json']);
    for (const line of out.slice(1)) expect(JSON.parse(line)).toMatchObject({ secret: 'whsec_c2VjcmV0' });
    expect([out.length, err.length]).toEqual([3, 2]);
  });

  it('changes, pauses, resumes, tests, rotates and deletes it by its name', async () => {
    const { run, out, asked } = await setup();
    await run(['change', 'accounting', '--window', '600']);
    for (const act of ['pause', 'resume', 'test', 'delete']) await run([act, 'accounting']);
    await run(['rotate', 'accounting', '--overlap', '7d']);
    expect(asked.filter((line) => !line.startsWith('GET'))).toEqual([
      `PATCH /${ID} {"window_seconds":600}`,
      ...['pause', 'resume', 'test'].map((act) => `POST /${ID}/${act}`),
      `DELETE /${ID}`,
      `POST /${ID}/rotate {"overlap_seconds":604800}`,
    ]);
    expect(out).toContain(DELIVERY);
  });

  it('lists deliveries and begins again what was given up', async () => {
    const { run, out, asked } = await setup();
    await run(['deliveries', 'accounting', '--state', 'dead']);
    expect(out[2]).toMatch(
      new RegExp(`^${DELIVERY} +dead +3 +5 +2026-05-01 02:30:00Z +The endpoint answered 503`),
    );
    await run(['replay', 'accounting']);
    expect(out.at(-1)).toBe('2 are delivered again.');
    await run(['replay', 'accounting', DELIVERY]);
    expect(asked.at(-1)).toBe(`POST /${ID}/deliveries/${DELIVERY}/replay`);
  });

  it('says which name it does not know', async () => {
    const { run } = await setup();
    await expect(run(['pause', 'none'])).rejects.toThrow('There is no webhook "none"');
  });
});

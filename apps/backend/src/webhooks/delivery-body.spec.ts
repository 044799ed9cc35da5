import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { deliveryBody, type StoredEvent } from './delivery-body.ts';
import { newSigningSecret, signedHeaders } from './signing.ts';

const at = new Date('2026-01-31T12:00:00.500Z');
let ids = 0;
const event = (type: string, data: StoredEvent['data'] = {}): StoredEvent => ({
  id: String((ids += 1)),
  type,
  occurredAt: at,
  data,
});

describe('the body of a delivery', () => {
  it('counts what ended well and what did not', () => {
    const kinds = [
      'execution.completed',
      'execution.failed',
      'execution.stopped',
      'task.finished',
      'task.failed',
    ];
    const body = JSON.parse(
      deliveryBody(
        'standard',
        kinds.map((kind) => event(kind, { n: 1 })),
      ),
    ) as {
      summary: unknown;
      events: unknown[];
    };
    expect(body.summary).toEqual({ total: 5, succeeded: 2, failed: 3 });
    expect(body.events[0]).toEqual({
      ...{ id: expect.stringMatching(/^evt_\d+$/), type: 'execution.completed' },
      ...{ timestamp: '2026-01-31T12:00:00.500Z', data: { n: 1 } },
    });
  });

  it('is one bounded text for Slack, what failed first, with nothing in it that Slack would take for a mark', () => {
    const failed = event('execution.failed', {
      ...{ deployment: 'invoices', execution_id: 'e1' },
      error: `<!channel> & <https://evil|x>\n${'long '.repeat(200)}`,
    });
    const many = Array.from({ length: 500 }, () => event('execution.completed', { deployment: 'invoices' }));
    const { text, ...rest } = JSON.parse(deliveryBody('slack', [...many, failed])) as { text: string };
    expect(rest).toEqual({});
    expect(text.split('\n').slice(0, 2)).toEqual([
      'Longshore: 501 ended, 500 well, 1 not',
      expect.stringMatching(/^• execution\.failed invoices e1: &lt;!channel&gt; &amp; &lt;https/),
    ]);
    expect(text).toMatch(/… and 481 more$/);
    expect(text).not.toMatch(/[<>]/);
    expect(text.length).toBeLessThan(4_000);
  });
});

describe('the headers of a delivery', () => {
  it('are those of Standard Webhooks, signed by each secret', () => {
    const secrets = [newSigningSecret(), newSigningSecret()];
    const headers = signedHeaders({ id: 'msg_1', at, body: '{"a":"ä"}' }, secrets);
    expect(headers).toMatchObject({ 'webhook-id': 'msg_1', 'webhook-timestamp': '1769860800' });
    const expected = secrets.map((secret) => {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
      return `v1,${createHmac('sha256', key).update('msg_1.1769860800.{"a":"ä"}').digest('base64')}`;
    });
    expect(headers['webhook-signature']!.split(' ')).toEqual(expected);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { KeyView } from '@longshore/contracts';
import { checkExpiry } from './check-expiry.ts';

const NOW = Date.parse('2026-06-15T12:00:00Z');
const at = (days: number) => new Date(NOW + days * 86_400_000).toISOString();
const FINE = { state: 'ok', check: 'keys', found: 'none that is in use ends within 14 days' };

function key(given: Partial<KeyView> = {}): KeyView {
  return {
    ...{ id: '6b1f2f4e-0d0f-4a93-9f0f-0a6f4f1c2d11', kind: 'service', name: 'sheds', hint: 'lsk_svc_…ab12' },
    ...{ organisation: null, api_name: null, workers: ['general'], queues: ['general'], state: 'active' },
    ...{
      created_at: at(-90),
      expires_at: null,
      last_used_at: at(-0.01),
      revoked_at: null,
      successor_id: null,
    },
    ...given,
  } as KeyView;
}

describe('keys that end', () => {
  it('are named within 14 days of it, with the command that makes a successor', () => {
    const ending = key({ expires_at: at(13), kind: 'organisation', organisation: 'quayside' });
    expect(checkExpiry([key(), ending, key({ expires_at: at(15) })], NOW)).toEqual([
      {
        ...{ state: 'note', check: 'keys' },
        found: 'the organisation key "sheds" of quayside ends at 2026-06-28 12:00',
        mend: expect.stringMatching(/longshore keys rotate 6b1f2f4e-0d0f-4a93-9f0f-0a6f4f1c2d11$/),
      },
    ]);
  });

  it('are wrong when they ended while they were in use', () => {
    const ended = key({ expires_at: at(-2), last_used_at: at(-2.5) });
    expect(checkExpiry([ended], NOW)).toMatchObject([
      { state: 'wrong', found: 'the service key "sheds" ended at 2026-06-13 12:00 while it was in use' },
    ]);
  });

  it.each([
    ['was not in use', { expires_at: at(-2), last_used_at: at(-30) }],
    ['was never in use', { expires_at: at(-2), last_used_at: null }],
    ['ended long ago', { expires_at: at(-40), last_used_at: at(-40) }],
    ['was revoked', { expires_at: at(2), state: 'revoked' as const }],
  ])('are nothing to tell of when such a key %s', (_why, given) => {
    expect(checkExpiry([key(given)], NOW)).toEqual([FINE]);
  });

  it('are told of as long as their successor is not in use', () => {
    const successor = key({ id: '0c9b2f4e-0d0f-4a93-9f0f-0a6f4f1c2d22', last_used_at: null });
    const rotated = key({ expires_at: at(1), state: 'rotated', successor_id: successor.id });
    expect(checkExpiry([rotated, successor], NOW)).toMatchObject([
      { state: 'note', mend: `Put its successor (${successor.id}) where it is used, before it ends.` },
    ]);
    expect(checkExpiry([rotated, { ...successor, last_used_at: at(0) }], NOW)).toEqual([FINE]);
  });
});

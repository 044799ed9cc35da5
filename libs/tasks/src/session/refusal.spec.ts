import { describe, expect, it } from '@jest/globals';
import { apiError, ApiError } from '@longshore/contracts';
import { SetUpError } from '@longshore/runtime';
import { failStart, refusalTeller } from './refusal.ts';

describe('a worker that the backend refuses', () => {
  it('says so at once, then every minute, and at once when the reason changes', () => {
    let now = 0;
    const told: unknown[] = [];
    const error = (_message: string, fields?: Record<string, unknown>) => void told.push(fields?.['reason']);
    const tell = refusalTeller({ logger: { error }, clock: { monotonic: () => now } });
    for (; now < 120_000; now += 2_000) tell('Unauthorized', 2_000);
    expect(told).toEqual(['Unauthorized', 'Unauthorized']);
    tell('This key has expired', 2_000);
    expect(told).toHaveLength(3);
  });

  it('does not start where its key does not cover it, and says that another try is in vain', () => {
    const refused = apiError('permission_denied', 'This key may not serve the queues llm');
    const words = 'This key may not serve the queues llm. Asking again does not help.';
    expect(() => failStart(refused)).toThrow(SetUpError);
    expect(() => failStart(refused)).toThrow(
      expect.objectContaining({ name: 'NotCoveredError', message: words }),
    );
  });

  it('keeps what ends its start otherwise', () => {
    const error = new ApiError(401, []);
    expect(() => failStart(error)).toThrow(error);
  });
});

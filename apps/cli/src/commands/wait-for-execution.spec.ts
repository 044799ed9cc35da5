import { describe, expect, it } from '@jest/globals';
import { ApiError } from '@longshore/contracts';
import { exitCodes, UnansweredError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { waitFor } from './wait-for-execution.ts';

const ID = '019a0000-0000-7000-8000-000000000001';
const under = { execution_id: ID, status: 'EXECUTING', error: null, result: null, files: [], total_files: 1 };
const done = { ...under, status: 'COMPLETED', result: [], skipped: null };
const nobody = () => new UnansweredError('No Longshore answers at http://here (ECONNREFUSED).');

/** A platform that answers polls in this order, the last one for ever; nobody really sleeps. */
function setup(polls: readonly unknown[]) {
  const left = [...polls];
  let nowMs = 0;
  const clock = { monotonic: () => nowMs, sleep: async (ms: number) => void (nowMs += ms) };
  const [out, err]: [string[], string[]] = [[], []];
  const client = {
    url: 'http://here',
    call: async () => {
      const answer = left.length > 1 ? left.shift() : left[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as PlatformClient;
  const terminal = {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    status: () => undefined,
  };
  const accepted = { execution_id: ID, execution_status: 'PENDING', error: null, result: null };
  const wait = () =>
    waitFor({ ...accepted, status_api: '/' } as never, {
      ...{ client, terminal, clock, flags: { json: true } },
      acceptedBy: { org: 'default', api_name: 'notes' },
    });
  return { wait, out, err, waitedMs: () => nowMs };
}

describe('waiting for an execution', () => {
  it('outlasts a platform that starts anew', async () => {
    const { wait, out, err } = setup([under, ...Array.from({ length: 10 }, nobody), under, done]);
    await wait();
    expect(JSON.parse(out[0]!)).toMatchObject({ execution_id: ID, status: 'COMPLETED' });
    expect(err).toEqual([
      expect.stringContaining('The platform does not answer'),
      'The platform answers again.',
    ]);
  });

  it('ends with "goes on" after a minute without an answer, and names the command that goes on', async () => {
    const { wait, out, waitedMs } = setup([under, nobody()]);
    await expect(wait()).rejects.toMatchObject({
      exitCode: exitCodes.unfinished,
      message: expect.stringMatching(
        new RegExp(`^The execution ${ID} .* not answered for 60 s .*"longshore result ${ID} --wait"\\.$`),
      ),
    });
    expect(out).toEqual([]);
    expect(waitedMs()).toBeGreaterThanOrEqual(60_000);
    expect(waitedMs()).toBeLessThan(61_000);
  });

  it('takes a refusal at its word', async () => {
    const gone = new ApiError(404, [{ code: 'not_found', detail: 'gone', attr: null }] as never);
    const { wait, err, waitedMs } = setup([gone]);
    await expect(wait()).rejects.toMatchObject({ exitCode: exitCodes.unfinished, cause: gone });
    expect([err, waitedMs()]).toEqual([[], 0]);
  });
});

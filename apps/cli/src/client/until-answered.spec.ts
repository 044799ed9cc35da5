import { describe, expect, it } from '@jest/globals';
import { ApiError, routes } from '@longshore/contracts';
import { CliError, exitCodes, UnansweredError } from '../cli-error.ts';
import type { PlatformClient } from './platform-client.ts';
import { createPatientClient, createUntilAnswered, type PatienceSettings } from './until-answered.ts';

const nobody = () => new UnansweredError('No Longshore answers at http://here (ECONNREFUSED).');
const refusal = (status: number) =>
  new ApiError(status, [{ code: 'invalid', detail: `status ${status}`, attr: null }] as never);

/** Answers in this order; time passes only while it sleeps, and while an answer takes its time. */
function setup(settings: Partial<PatienceSettings> = {}) {
  let nowMs = 5_000;
  const [pauses, told]: [number[], string[]] = [[], []];
  const clock = {
    monotonic: () => nowMs,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      pauses.push(ms);
      nowMs += ms;
    },
  };
  const untilAnswered = createUntilAnswered({ clock, tell: (line) => told.push(line), ...settings });
  const ask = (answers: readonly unknown[]) => {
    const left = [...answers];
    return untilAnswered(async () => {
      const answer = left.length > 1 ? left.shift() : left[0];
      if (answer instanceof Error) throw answer;
      return answer;
    });
  };
  return { ask, untilAnswered, clock, pauses, told, pass: (ms: number) => (nowMs += ms) };
}

describe('asking until the platform answers', () => {
  it('says nothing and rests not at all where it answers', async () => {
    const { ask, pauses, told } = setup();
    expect(await ask(['yes'])).toBe('yes');
    expect([pauses, told]).toEqual([[], []]);
  });

  it('asks again after growing pauses, and says once that nobody answers and once that somebody does', async () => {
    const { ask, pauses, told } = setup();
    const silence = Array.from({ length: 8 }, nobody);
    expect(await ask([...silence, 'yes'])).toBe('yes');
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    expect(told).toEqual([
      'The platform does not answer (No Longshore answers at http://here (ECONNREFUSED)); asking again for up to 60 s.',
      'The platform answers again.',
    ]);
  });

  it.each<[string, Error]>([
    ['a bad gateway', refusal(502)],
    ['a service that is not there', refusal(503)],
    ['a gateway that waited in vain', refusal(504)],
    ['an answer that took too long', Object.assign(new Error('took too long'), { name: 'TimeoutError' })],
  ])('takes %s for no answer', async (_what, error) => {
    const { ask, pauses } = setup();
    expect(await ask([error, 'yes'])).toBe('yes');
    expect(pauses).toEqual([250]);
  });

  it.each([400, 401, 403, 404, 409, 410, 422, 429, 500])('takes a status of %s as it is', async (status) => {
    const { ask, pauses, told } = setup();
    await expect(ask([refusal(status)])).rejects.toMatchObject({ status });
    expect([pauses, told]).toEqual([[], []]);
  });

  it('takes a refusal that ends a silence for an answer', async () => {
    const { ask, told } = setup();
    await expect(ask([nobody(), refusal(404)])).rejects.toMatchObject({ status: 404 });
    expect(told).toEqual([expect.stringContaining('does not answer'), 'The platform answers again.']);
  });

  it('takes what is about this program as it is', async () => {
    const { ask, pauses } = setup();
    await expect(ask([new TypeError('wrong')])).rejects.toThrow('wrong');
    const notOurs = new CliError('not a Longshore', { exitCode: exitCodes.unreachable });
    await expect(ask([notOurs])).rejects.toBe(notOurs);
    expect(pauses).toEqual([]);
  });

  it('gives up when nobody answered for as long as it may take, and says how to go on', async () => {
    const { ask, pauses } = setup({ advice: 'go on with "longshore result 1 --wait"' });
    await ask(['yes']);
    const cause = nobody();
    await expect(ask([cause])).rejects.toMatchObject({
      ...{ cause, exitCode: exitCodes.unfinished },
      message:
        'The platform has not answered for 60 s (No Longshore answers at http://here (ECONNREFUSED)): go on with "longshore result 1 --wait".',
    });
    expect(pauses.reduce((sum, each) => sum + each, 0)).toBe(60_000);
  });

  it('says that nobody is there where nobody ever answered', async () => {
    const never = setup({ boundMs: 0 });
    await expect(never.ask([nobody()])).rejects.toMatchObject({ exitCode: exitCodes.unreachable });
    const accepted = setup({ boundMs: 0, isAccepted: true });
    await expect(accepted.ask([nobody()])).rejects.toMatchObject({ exitCode: exitCodes.unfinished });
  });

  it('begins to count anew after each answer, however long that took', async () => {
    const { untilAnswered, ask, pass, pauses } = setup({ boundMs: 1_000 });
    for (let round = 0; round < 3; round += 1) expect(await ask([nobody(), nobody(), 'yes'])).toBe('yes');
    // A question that stays open for minutes, and then is cut: nobody was silent in the meantime.
    let calls = 0;
    const slow = untilAnswered(async () => {
      calls += 1;
      pass(300_000);
      if (calls === 1) throw nobody();
      return 'late';
    });
    expect(await slow).toBe('late');
    expect(pauses).toEqual([250, 500, 250, 500, 250, 500, 250]);
  });

  it('ends at once when it is to end', async () => {
    const { untilAnswered, pauses } = setup();
    const ending = new AbortController();
    const asking = untilAnswered(async () => {
      ending.abort(new Error('enough'));
      throw nobody();
    }, ending.signal);
    await expect(asking).rejects.toThrow('enough');
    expect(pauses).toEqual([]);
  });
});

describe('a patient client', () => {
  it('asks again what only reads, with a limit on each answer, and sends nothing twice', async () => {
    const { clock, told } = setup();
    const asked: string[] = [];
    let signal: AbortSignal | undefined;
    const fragile = {
      url: 'http://here',
      call: async (route: { method: string }, options?: { signal?: AbortSignal }) => {
        asked.push(route.method);
        signal = options?.signal;
        if (asked.length === 1 || route.method !== 'get') throw nobody();
        return { status: 'COMPLETED' };
      },
      open: async () => {
        asked.push('open');
        if (asked.length === 4) throw nobody();
        return new Response(null);
      },
    } as unknown as PlatformClient;
    const client = createPatientClient(fragile, { clock, tell: (line) => told.push(line) });
    expect(await client.call(routes.execution, { params: { id: '1' } })).toEqual({ status: 'COMPLETED' });
    expect(signal).toBeInstanceOf(AbortSignal);
    await expect(client.call(routes.cancelExecution, { params: { id: '1' } })).rejects.toThrow(
      'No Longshore',
    );
    expect((await client.open(routes.taskEvents, { params: { id: '1' } })).status).toBe(200);
    expect(asked).toEqual(['get', 'get', 'post', 'open', 'open']);
  });
});

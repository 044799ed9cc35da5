import { describe, expect, it } from '@jest/globals';
import { apiError, type FileResult } from '@longshore/contracts';
import type { Response } from 'express';
import { uuidV7 } from '@longshore/runtime';
import { answerToGet, answerToPost } from './answers.ts';
import type { Outcomes } from './outcome.ts';
import type { StoredExecution } from './outcome-reads.ts';

const LOST = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

/** An execution that has ended, and a client that is there or hung up. */
function setup({
  destroyed = false,
  acknowledging = async () => true,
  reading = async (): Promise<FileResult[]> => [],
} = {}) {
  const id = uuidV7();
  const execution = {
    ...{ id, deployment_id: 'd', state: 'succeeded', started_at: new Date(), error: null },
    ...{ acknowledged_at: null, results_removed_at: null },
  } as unknown as StoredExecution;
  const acknowledged: string[] = [];
  const outcomes = {
    find: async () => execution,
    results: reading,
    acknowledge: (given: string) => {
      acknowledged.push(given);
      return acknowledging();
    },
  } as unknown as Outcomes;
  const waiters = {
    wait: async () => true,
    wake: () => undefined,
    ended: () => undefined,
    awaited: () => [],
  };
  const dependencies = { outcomes, waiters, stopping: new AbortController().signal };
  const response = { destroyed, once: () => undefined } as unknown as Response;
  const fields = {
    timeoutSeconds: 300,
    flags: { includeMetadata: false, includeMetrics: false, includeExtractedText: false },
  };
  return {
    acknowledged,
    get: () => answerToGet(dependencies, { id: 'd' }, { query: { execution_id: id } }, response),
    post: () => answerToPost(dependencies, '/d/', { id, fields, repeated: false }, response),
  };
}

describe('a result', () => {
  it('counts as read when it is sent', async () => {
    const { get, post, acknowledged } = setup();
    expect(await get()).toMatchObject({ status: 200, body: { message: [] } });
    expect(await post()).toMatchObject({ message: { execution_status: 'COMPLETED', result: [] } });
    expect(acknowledged).toHaveLength(2);
  });

  it('stays to be read where the client hung up before', async () => {
    const { get, post, acknowledged } = setup({ destroyed: true });
    await get();
    await post();
    expect(acknowledged).toEqual([]);
  });

  it('is given out though nobody knows whether it could be marked, so that it is not lost', async () => {
    const { get, post } = setup({ acknowledging: () => Promise.reject(LOST) });
    expect(await get()).toMatchObject({ status: 200, body: { status: 'COMPLETED', message: [] } });
    expect(await post()).toMatchObject({ message: { result: [], error: null } });
  });

  it('that is too large for an answer is not marked, and a POST still tells what it began', async () => {
    const { get, post, acknowledged } = setup({
      reading: () => Promise.reject(apiError('too_large', 'Too much')),
    });
    await expect(get()).rejects.toMatchObject({ status: 413 });
    expect(await post()).toMatchObject({
      message: { execution_status: 'COMPLETED', error: 'Too much', result: null },
    });
    expect(acknowledged).toEqual([]);
  });

  it('is not given out when marking it failed for another reason', async () => {
    const { get } = setup({ acknowledging: () => Promise.reject(new Error('a bug')) });
    await expect(get()).rejects.toThrow('a bug');
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, startRoundRobin, type RoundRobin, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, post, textFile } from '../testing/http-client.ts';
import { startTestWorker } from '../testing/http-worker.ts';
import { brokenInvariants } from '../testing/invariants.ts';

let postgres: TestPostgres;
let one: HttpBackend;
let two: HttpBackend;
let both: RoundRobin;
let worker: Awaited<ReturnType<typeof startTestWorker>>;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  one = await startBackend(postgres);
  two = await startBackend(postgres, {}, one);
  both = await startRoundRobin([one.port, two.port]);
  const binding = { workers: ['general'], queues: ['api_deployments', 'api_file_processing'] };
  const queues = [...binding.queues, 'api_file_processing_callback'];
  const { secret } = await one.keys.create({ kind: 'service', name: 'w', ...binding, queues });
  worker = await startTestWorker({ url: both.url, brokerUrl: one.config.brokerUrl, key: secret }, {});
  deployment = await one.deploy(await one.organisation(), 'both');
});
afterAll(async () => {
  await worker?.stop();
  await both?.stop();
  await two?.stop();
  await one?.stop();
  await postgres?.stop();
});

/** How long executions take whose requests, claims and reports go to two backends in turn: the median, ms. */
async function median(executions: number): Promise<number> {
  const through = { ...deployment, url: `${both.url}${deployment.path}` };
  const times: number[] = [];
  for (let execution = 0; execution < executions; execution += 1) {
    const sentAt = performance.now();
    const { body } = await post(through, [textFile(`${execution}.txt`)], { timeout: '30' });
    expect(body.message).toMatchObject({ execution_status: 'COMPLETED' });
    times.push(performance.now() - sentAt);
  }
  return times.sort((a, b) => a - b)[executions >> 1]!;
}

describe('two backends, one of which leads the pool', () => {
  it('do not wait for a poll: what one commits wakes the other', async () => {
    await median(2);
    const ms = await median(15);
    // With polls alone there is one of up to a second at nearly every hop, and there are four: two seconds in the mean.
    expect(ms).toBeLessThan(1_000);
    await eventually(async () => (await one.rows())['dispatches'] === 0);
    expect(await brokenInvariants(one.database)).toEqual([]);
    if (process.env['SHOW_TIMES']) process.stdout.write(`median ${ms.toFixed(1)} ms\n`);
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { apiError, type ApiError } from '@longshore/contracts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const [RUNNING, ENDED, UNKNOWN] = [1, 2, 3].map((n) => `019a0000-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
];

/** A platform on which one execution can be stopped and another has ended. */
async function setup() {
  const asked: string[] = [];
  const refusals: Record<string, ApiError> = {
    [ENDED]: apiError('conflict', 'The execution has ended as COMPLETED and can no longer be cancelled'),
    [UNKNOWN]: apiError('not_found', 'No such execution'),
  };
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const id = request.url!.split('/')[4]!;
    const refusal = refusals[id];
    response.writeHead(refusal?.status ?? 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(refusal?.body ?? { execution_id: id, status: 'STOPPED' }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const out: string[] = [];
  const terminal: Terminal = { out: (line) => out.push(line), err: () => undefined, status: () => undefined };
  const run = (...args: string[]) =>
    createProgram(terminal).parseAsync(
      ['cancel', '--url', url, '--api-key', 'lsk_org_0123456789abcdef', ...args],
      { from: 'user' },
    );
  return { run, out, asked, url };
}

describe('longshore cancel', () => {
  it('stops each execution and says so', async () => {
    const { run, out, asked } = await setup();
    await run(RUNNING);
    expect(asked).toEqual([`POST /api/v1/executions/${RUNNING}/cancel`]);
    expect(out).toEqual([`${RUNNING} STOPPED`]);
  });

  it('stops the others when one cannot be stopped, and fails', async () => {
    const { run, out } = await setup();
    await expect(run(ENDED, UNKNOWN, RUNNING)).rejects.toThrow('2 of 3 could not be stopped.');
    expect(out[0]).toContain(
      `${ENDED} not stopped: The platform refused: The execution has ended as COMPLETED`,
    );
    expect(out.slice(1)).toEqual([
      `${UNKNOWN} not stopped: The platform refused: No such execution.`,
      `${RUNNING} STOPPED`,
    ]);
  });

  it('prints what became of each as JSON', async () => {
    const { run, out } = await setup();
    await expect(run(RUNNING, UNKNOWN, '--json')).rejects.toThrow('1 of 2');
    expect(out.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        executions: [
          { execution_id: RUNNING, status: 'STOPPED', error: null },
          { execution_id: UNKNOWN, status: null, error: expect.stringContaining('No such execution') },
        ],
      },
    ]);
  });
});

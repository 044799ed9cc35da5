import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, eventually, post, textFile } from '../testing/http-client.ts';
import { contentOf, type WorkerCall } from '../testing/http-worker.ts';
import { brokenInvariants } from '../testing/invariants.ts';

/**
 * Gives a spec file a backend with a worker whose files fail while `fails` says so; what begins with `large` leaves its result in the
 * file store. The invariants are checked after each test.
 */
export function replaying() {
  const state = { fails: (_text: string): boolean => false, computed: [] as string[] };
  let postgres: TestPostgres;
  let backend: HttpBackend;
  const others: HttpBackend[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    backend = await startBackend(postgres);
    await backend.worker({ processFile });
  });
  afterEach(async () => {
    state.fails = () => false;
    state.computed = [];
    expect(await brokenInvariants(backend.database)).toEqual([]);
  });
  afterAll(async () => {
    for (const other of others) await other.stop();
    await backend?.stop();
    await postgres?.stop();
  });

  async function processFile(run: ClaimedRun, call: WorkerCall) {
    const text = await contentOf(run, call);
    state.computed.push(run.file!.name);
    if (state.fails(text)) return { failure: `cannot read ${run.file!.name}` };
    const output = { output: { text, by: run.run_id }, elapsed_ms: 3 };
    if (!text.startsWith('large')) return { output };
    const bytes = Buffer.from(JSON.stringify(output));
    const stored = await call('PUT', `/v1/runs/${run.run_id}/output`, { body: bytes, token: run.token });
    return (await stored.json()) as { ref: string; size: number };
  }

  const call = (method: string, path: string, key: string, body?: unknown) =>
    answer(
      fetch(`${backend.url}/api/v1/${path}`, {
        method,
        headers: { ...bearer(key), 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );

  return {
    state,
    call,
    backend: () => backend,
    /** One more backend, on the same databases unless it is told otherwise. */
    async another(settings: Parameters<typeof startBackend>[1] = {}, beside = true) {
      const other = await startBackend(postgres, settings, beside ? backend : undefined);
      others.push(other);
      return other;
    },
    deployment: async (apiName = 'invoices') => await backend.deploy(await backend.organisation(), apiName),
    /** Posts files and waits for their end. */
    async run(to: TestDeployment, texts: Readonly<Record<string, string>>, fields = {}): Promise<string> {
      const files = Object.entries(texts).map(([name, text]) => textFile(name, text));
      const { body } = await post(to, files, { timeout: '30', ...fields });
      expect(['COMPLETED', 'ERROR']).toContain(body.message.execution_status);
      return body.message.execution_id as string;
    },
    detail: async (id: string) => (await call('GET', `executions/${id}`, backend.adminKey)).body,
    async ended(id: string) {
      const detail = async () => (await call('GET', `executions/${id}`, backend.adminKey)).body;
      await eventually(async () => ['COMPLETED', 'ERROR', 'STOPPED'].includes((await detail()).status));
      return await detail();
    },
  };
}

import { expect } from '@jest/globals';
import { pipelineTasks, type TakenFile } from '@longshore/contracts';
import type { HttpBackend, TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer, type Answer } from '../testing/http-client.ts';
import type { HeldRun, PipelineWorker } from './pipeline-worker.fixture.ts';

export const WORKFLOW = { kind: 'workflow', name: 'totals', steps: [{ read: {} }] };

/** The document of a pipeline, changed as a test wants it. */
export const pipelineDocument = (pipeline_id: string, changes: object = {}) => ({
  ...{ kind: 'pipeline', pipeline_id, workflow: 'totals' },
  ...{ source: { folder: { path: '/data/in' } }, destination: 'none' },
  ...changes,
});

export const NONE_SKIPPED = { unchanged: 0, active_elsewhere: 0, failed_3_times: 0 };

export const success = (output: object) =>
  ({ outcome: 'succeeded', output: { inline: output as never }, duration_ms: 1 }) as const;

export const failure = (message: string) =>
  ({
    outcome: 'failed',
    error: { code: 'broken', message, detail: null },
    output: null,
    retry_after_ms: null,
    duration_ms: 1,
  }) as const;

export interface Asked {
  readonly key?: string | null;
  readonly body?: unknown;
  readonly slash?: string;
  readonly headers?: Record<string, string>;
}

let callers = 0;
/** Each from an address of its own: who fails often is slowed down. */
const from = () => ({ 'X-Forwarded-For': `10.9.${(callers += 1) >> 8}.${callers & 255}` });

interface Parts {
  readonly backend: HttpBackend;
  readonly worker: PipelineWorker;
  readonly organisation: TestOrganisation;
}

/** What clients and workers do with the pipelines of one organisation. */
export function pipelineUser({ backend, worker, organisation }: Parts) {
  let pipelines = 0;
  const address = (name: string) => `${backend.url}/deployment/pipeline/api/${organisation.name}/${name}`;

  function apply(...documents: object[]): Promise<Answer> {
    return answer(
      fetch(`${backend.url}/api/v1/apply`, {
        method: 'POST',
        headers: { ...bearer(backend.adminKey), 'Content-Type': 'application/json' },
        body: JSON.stringify({ organisation: organisation.name, documents }),
      }),
    );
  }

  function run(name: string, { key = organisation.key, body, slash = '/', headers = {} }: Asked = {}) {
    const isJson =
      typeof body === 'object' && !(body instanceof FormData) && !(body instanceof URLSearchParams);
    return answer(
      fetch(`${address(name)}${slash}`, {
        method: 'POST',
        headers: {
          ...from(),
          ...bearer(key),
          ...headers,
          ...(isJson && { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : (body as FormData) }),
      }),
    );
  }

  /** Starts a run of a pipeline; its planning run is in the test's hands. */
  async function planning(name: string, body: object = {}): Promise<{ id: string; plan: HeldRun }> {
    const { body: answered } = await run(name, { body });
    const id = answered.message.execution_id as string;
    return { id, plan: await worker.next(pipelineTasks.planPipeline, id) };
  }

  /** Ends planning with a run for each file that was taken. */
  async function fanOut(plan: HeldRun, taken: readonly TakenFile[]): Promise<void> {
    expect((await plan.call('POST', '/files', { unread: [], complete: true })).status).toBe(200);
    const children = taken
      .filter(({ skipped }) => skipped === null)
      .map(({ file_id }) => ({ key: file_id, file_id, task: pipelineTasks.processFile, input: {} }));
    const then = { task: pipelineTasks.finishPipeline, input: {} };
    await plan.end({ outcome: 'fanned_out', children, then, max_parallel: null, duration_ms: 1 });
  }

  /** Carries a planned execution with one file to its end: the file comes out like this, and is settled so. */
  async function finish(id: string, taken: TakenFile, outcome: 'delivered' | 'failed'): Promise<void> {
    const file = await worker.next(pipelineTasks.processFile, id);
    await file.end(outcome === 'delivered' ? success({ output: { total: 1 } }) : failure('It is torn.'));
    const last = await worker.next(pipelineTasks.finishPipeline, id);
    const settled = { delivered: [], failed: [], [outcome]: [taken.file_id] };
    expect((await last.call('POST', '/files/settle', settled)).status).toBe(200);
    // What is said again counts once.
    expect((await last.call('POST', '/files/settle', settled)).status).toBe(200);
    const counts = { found: 1, succeeded: 1, failed: 0, skipped: NONE_SKIPPED };
    await last.end(success({ ...counts, skipped_files: [], undelivered: [] }));
  }

  return {
    ...{ address, apply, run, planning, fanOut, finish },
    /** A pipeline of its own for a test. */
    async pipeline(changes: object = {}): Promise<string> {
      const name = `inbox-${(pipelines += 1)}`;
      expect((await apply(WORKFLOW, pipelineDocument(name, changes))).status).toBe(200);
      return name;
    },
    poll: (name: string, id: string): Promise<Answer> =>
      answer(
        fetch(`${address(name)}/?execution_id=${id}`, {
          headers: { ...from(), ...bearer(organisation.key) },
        }),
      ),
    /** Asks the native API. */
    native: (path: string, method = 'GET'): Promise<Answer> =>
      answer(fetch(`${backend.url}/api/v1/${path}`, { method, headers: bearer(organisation.key) })),
    /** What need not be read of a source with the file `a.txt` under this mark. */
    async known(name: string, mark: string, { force = false } = {}): Promise<object[]> {
      const { plan } = await planning(name, { force });
      const files = [
        { path: 'a.txt', mark },
        { path: 'new.txt', mark },
      ];
      const answered = await plan.call('POST', '/files/known', { files });
      await plan.end(failure('Known, and that is all this test wants to know'));
      return ((await answered.json()) as { known: object[] }).known;
    },
    /** One whole run of a pipeline over one file; what was decided about it. */
    async runOver(
      name: string,
      content: string,
      {
        outcome = 'delivered',
        force = false,
        mark,
      }: { outcome?: 'delivered' | 'failed'; force?: boolean; mark?: string } = {},
    ): Promise<TakenFile['skipped']> {
      const { id, plan } = await planning(name, { force });
      const taken = await plan.take('a.txt', content, 0, mark);
      if (taken.skipped === null) {
        await fanOut(plan, [taken]);
        await finish(id, taken, outcome);
      } else await plan.end(failure('Skipped, and that is all this test wants to know'));
      return taken.skipped;
    },
  };
}
export type PipelineUser = ReturnType<typeof pipelineUser>;

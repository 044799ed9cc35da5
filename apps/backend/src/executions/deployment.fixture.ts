import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres } from '@longshore/testing';
import { startBackend } from '../testing/http-backend.ts';
import { answer, bearer, eventually, post, type textFile } from '../testing/http-client.ts';

type Posted = Awaited<ReturnType<typeof post>>;

export const UNKNOWN = '00000000-0000-0000-0000-000000000001';
export const idOf = (posted: Posted): string => posted.body.message.execution_id;

/** A deployment of an organisation, and a worker that fails files whose content starts with `fail`, and holds those with `hold`. */
export async function startDeployment() {
  let gate = Promise.withResolvers<void>();
  const processFile = async (run: ClaimedRun) => {
    const text = Buffer.from(run.file!.content_base64 ?? '', 'base64').toString();
    if (text.startsWith('hold')) await gate.promise;
    if (text.startsWith('fail')) return { failure: `cannot read ${run.file!.name}` };
    return {
      output: { output: { text }, extracted_text: text, document: { kind: 'text', pages: 1 }, elapsed_ms: 3 },
    };
  };
  const postgres = await startPostgres();
  const backend = await startBackend(postgres);
  const organisation = await backend.organisation('acme');
  const deployment = await backend.deploy(organisation, 'invoices');
  await backend.worker({ processFile });

  /** As the native API tells of it, which consumes nothing. */
  const native = (id: string, key = organisation.key) =>
    answer(fetch(`${backend.url}/api/v1/executions/${id}`, { headers: bearer(key) }));
  const ended = (id: string): Promise<void> =>
    eventually(async () => ['COMPLETED', 'ERROR', 'STOPPED'].includes((await native(id)).body.status));
  return {
    ...{ backend, organisation, deployment, native, ended },
    /** Posts and waits for the end without reading the result. */
    async executed(files: ReturnType<typeof textFile>[], fields = {}): Promise<string> {
      const id = idOf(await post(deployment, files, fields));
      await ended(id);
      return id;
    },
    /** Lets the held files of this execution go, and waits for its end. */
    async release(id: string): Promise<void> {
      gate.resolve();
      await ended(id);
      gate = Promise.withResolvers();
    },
    async stop(): Promise<void> {
      gate.resolve();
      await backend.stop();
      await postgres.stop();
    },
  };
}

export type DeploymentUnderTest = Awaited<ReturnType<typeof startDeployment>>;

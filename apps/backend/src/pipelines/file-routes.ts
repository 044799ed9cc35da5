import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { apiError, pipelineTasks, routes, type TakenFile } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Outcomes } from '../executions/outcome.ts';
import type { FileStore, PendingObject } from '../files/file-store.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { RunTokenClaims } from '../runs/run-tokens.ts';
import type { Database } from '../store/database.ts';
import { pipelineFileId } from '../store/family-ids.ts';
import { knownFiles } from './known-files.ts';
import { filesAfter, noteListed, outputOf, settleFiles, takeFile } from './source-files.ts';

export interface PipelineFileRoutesDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly outcomes: Pick<Outcomes, 'content'>;
  readonly maxFileBytes: number;
}

/**
 * What the runs of a pipeline's execution ask for: the planning run brings files in, the finishing run hands results on. Each
 * only with its own token, and only while it is running.
 */
export function pipelineFileRoutes(dependencies: PipelineFileRoutesDependencies): MountedRoute[] {
  const { database, outcomes } = dependencies;
  return [
    handle(routes.knownPipelineFiles, async ({ params, body, caller }) => {
      const run = runOf(caller, params.id, pipelineTasks.planPipeline);
      return { known: await knownFiles(database, run, body.files) };
    }),
    handle(routes.takePipelineFile, async ({ params, query, caller, request }) => {
      const run = runOf(caller, params.id, pipelineTasks.planPipeline);
      return await storeAndTake(dependencies, run, { ...query, body: request });
    }),
    handle(routes.listedPipelineFiles, async ({ params, body, caller }) => {
      await noteListed(database, runOf(caller, params.id, pipelineTasks.planPipeline), body);
      return { status: 'ok' };
    }),
    handle(routes.pipelineFiles, async ({ params, query, caller }) => {
      const { executionId } = runOf(caller, params.id, pipelineTasks.finishPipeline);
      return { files: await filesAfter(database, executionId, query.after) };
    }),
    handle(routes.pipelineResult, async ({ params, caller }) => {
      const { executionId } = runOf(caller, params.id, pipelineTasks.finishPipeline);
      const { output, versionId } = await outputOf(database, executionId, params.file_id);
      const content = await outcomes.content(output, versionId);
      if (content === null) throw apiError('not_found', 'Nothing that can be read was found in this file');
      return {
        output: content.output,
        problems: content.problems ?? [],
        document: content.document ?? null,
      };
    }),
    handle(routes.settlePipelineFiles, async ({ params, body, caller }) => {
      const { executionId } = runOf(caller, params.id, pipelineTasks.finishPipeline);
      await settleFiles(database, executionId, body);
      return { status: 'ok' };
    }),
  ];
}

function runOf(caller: Caller, runId: string, task: string): RunTokenClaims {
  if (caller.kind !== 'run') throw apiError('permission_denied', 'This route needs a run token');
  if (caller.run.runId !== runId) throw apiError('not_found', 'No such run');
  if (caller.run.task !== task) throw apiError('permission_denied', `This route is for runs of ${task}`);
  return caller.run;
}

interface IncomingFile {
  readonly path: string;
  readonly ordinal: number;
  readonly mark?: string | undefined;
  readonly body: Readable;
}

/** What is skipped leaves no bytes. After any other error than a refusal nobody knows, and the sweeper looks. */
async function storeAndTake(
  { database, store, maxFileBytes }: PipelineFileRoutesDependencies,
  run: RunTokenClaims,
  { path, ordinal, mark, body }: IncomingFile,
): Promise<TakenFile> {
  const object = `uploads/${run.executionId}-${uuidV7()}`;
  const pending = await store.begin(object);
  let sha256: string;
  try {
    sha256 = await receive(pending, body, maxFileBytes);
    await pending.commit();
  } catch (error) {
    await pending.discard();
    throw error;
  }
  const { size } = pending;
  const decision = await takeFile(database, run, {
    ...{ path, ordinal, size, sha256, object },
    mark: mark ?? null,
  });
  if (decision !== 'taken') await store.remove(object);
  const skipped = decision === 'taken' ? null : decision;
  return { file_id: pipelineFileId(run.executionId, path), size, sha256, skipped };
}

async function receive(pending: PendingObject, body: Readable, maxBytes: number): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      await pending.append(chunk);
      if (pending.size > maxBytes) throw apiError('too_large', `The file is larger than ${maxBytes} bytes`);
    }
  } catch (error) {
    // A worker that is cut off in the middle of its file never hears why.
    body.resume();
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET')
      throw apiError('malformed_request', 'The worker went away in the middle of the file');
    throw error;
  }
  return hash.digest('hex');
}

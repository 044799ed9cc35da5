import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { apiError, routes, type ChildResults, type Output } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Response } from 'express';
import type { Deployments } from '../deployments/deployments.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database, Statement } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { outputPrefix } from './output-names.ts';
import type { RunTokenClaims } from './run-tokens.ts';

export interface RunRoutesDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly deployments: Deployments;
  /** The largest output of a run, bytes. */
  readonly maxOutputBytes: number;
}

/** What a claimed run may reach with its token: its own execution's files, its children, its own output. */
export function runRoutes(dependencies: RunRoutesDependencies): MountedRoute[] {
  const { database, store, deployments } = dependencies;
  return [
    handle(routes.fileContent, async ({ params, caller, response }) => {
      const file = await fileOf(database, params.id, runOf(caller));
      return await sendSlice(store, file, 'application/octet-stream', response);
    }),
    handle(routes.childResults, async ({ params, caller }) => ({
      children: await childrenFor(database, params.id, runOf(caller)),
    })),
    handle(routes.childOutput, async ({ params, caller, response }) => {
      const output = await outputOfChild(database, params, runOf(caller));
      if (output === null || 'inline' in output) return void response.json(output?.inline ?? null);
      const slice = { object: output.ref, offset: 0, size: output.size };
      return await sendSlice(store, slice, 'application/json', response);
    }),
    handle(routes.storeOutput, async ({ params, caller, request }) => {
      const run = runOf(caller);
      if (run.runId !== params.id) throw apiError('not_found', 'No such run');
      return await storeOutput(dependencies, run, request);
    }),
    handle(routes.workflowVersion, async ({ params, caller }) => ({
      id: params.id,
      definition: await deployments.workflowVersion(params.id, runOf(caller).organisationId),
    })),
  ];
}

function runOf(caller: Caller): RunTokenClaims {
  if (caller.kind !== 'run') throw apiError('permission_denied', 'This route needs a run token');
  return caller.run;
}

const fileOfExecution: Statement = {
  name: 'file_of_execution',
  text: `
select object, byte_offset::float8 as offset, size::float8 as size from files
 where id = $1 and execution_id = $2 and organisation_id = $3`,
};

async function fileOf(database: Database, fileId: string, run: RunTokenClaims) {
  const [file] = await database.hot<{ object: string; offset: number; size: number }>(fileOfExecution, [
    fileId,
    run.executionId,
    run.organisationId,
  ]);
  if (file === undefined) throw apiError('not_found', 'This run has no such file');
  return file;
}

interface Slice {
  readonly object: string;
  readonly offset: number;
  readonly size: number;
}

async function sendSlice(
  store: FileStore,
  slice: Slice,
  type: string,
  response: Response,
): Promise<undefined> {
  const bytes = slice.size === 0 ? null : await opened(store.stream(slice));
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', String(slice.size));
  if (bytes === null) response.end();
  else await pipeline(bytes, response);
  return undefined;
}

/** The stream once its bytes are there. @throws ApiError 404 when they are gone, before anything was answered */
async function opened(stream: Readable): Promise<Readable> {
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw apiError('not_found', 'The bytes of this file are gone');
  }
}

/** A continuation reads its parent's children, any other run its own. $1 run id, $2..$3 family range. */
const CHILDREN_OF_RUN = `
  from runs r join runs c on c.parent_id = case when r.ordinal is null and r.parent_id is not null then r.parent_id else r.id end
 where r.id = $1 and c.ordinal is not null and r.id between $2 and $3 and c.id between $2 and $3`;

const childrenOfRun: Statement = {
  name: 'children_of_run',
  text: `select c.id as run_id, c.key, c.ordinal, c.state, c.error, c.output ${CHILDREN_OF_RUN} order by c.ordinal`,
};

/** $4 the child. */
const childOfRun: Statement = {
  name: 'child_of_run',
  text: `select c.output ${CHILDREN_OF_RUN} and c.id = $4`,
};

async function childrenFor(
  database: Database,
  runId: string,
  run: RunTokenClaims,
): Promise<ChildResults['children']> {
  if (run.runId !== runId) throw apiError('not_found', 'No such run');
  const { from, to } = familyRange([runId]);
  return await database.hot<ChildResults['children'][number]>(childrenOfRun, [runId, from, to]);
}

/** Null when it made none. */
async function outputOfChild(
  database: Database,
  { id, child_id: childId }: { readonly id: string; readonly child_id: string },
  run: RunTokenClaims,
): Promise<Output | null> {
  if (run.runId !== id) throw apiError('not_found', 'No such run');
  const { from, to } = familyRange([id]);
  const [child] = await database.hot<{ output: Output | null }>(childOfRun, [id, from, to, childId]);
  if (child === undefined) throw apiError('not_found', 'This run has no such child');
  return child.output;
}

async function storeOutput(
  { store, maxOutputBytes }: RunRoutesDependencies,
  run: RunTokenClaims,
  body: Readable,
): Promise<{ ref: string; size: number }> {
  // A name of its own for each try: a late one with the same token must not replace what was reported.
  const ref = `${outputPrefix(run)}${uuidV7()}`;
  const pending = await store.begin(ref);
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      await pending.append(chunk);
      if (pending.size > maxOutputBytes)
        throw apiError('too_large', `The output is larger than ${maxOutputBytes} bytes`);
    }
    await pending.commit();
    return { ref, size: pending.size };
  } catch (error) {
    await pending.discard();
    throw error;
  }
}

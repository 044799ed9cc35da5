import { apiError, type JsonValue } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Definitions } from '../deployments/definitions.ts';
import type { Accept, NewExecution, ReplayOrigin } from '../executions/accept.ts';
import { together } from '../executions/file-history.ts';
import type { ExecutionFields } from '../executions/request-fields.ts';
import { keyed } from '../executions/run-key.ts';
import { createUploadWriter, type UploadWriter } from '../executions/upload-writer.ts';
import type { FileStore } from '../files/file-store.ts';
import { sqlStateOf, type Database } from '../store/database.ts';
import { copyFiles } from './copied-files.ts';
import { readReplayable, type Replayable } from './replayable.ts';
import { takeSucceeded } from './taken-results.ts';

export interface ReplayDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly definitions: Definitions;
  readonly accept: Accept;
  /** How long the platform keeps uploads after the end, hours. */
  readonly retainUploadsHours: number;
}

export interface ReplayOrder {
  readonly executionId: string;
  /** Results of files that succeeded are taken over. */
  readonly onlyFailed: boolean;
  /** Undefined: as in the first request. */
  readonly customData: { [key: string]: JsonValue } | null | undefined;
  /** The replay of many that orders it. */
  readonly item: ReplayOrigin['item'];
}

/** Thrown when the replay of many does not want the execution any more: it was cancelled, or somebody else has made it. */
export class NotWantedError extends Error {
  override readonly name = 'NotWantedError';
}

const NOT_WANTED = '23R01';
const FOREIGN_KEY = '23503';

/**
 * Runs an execution again: makes a new one with copies of its files, under the workflow version that its deployment has now.
 * Answers with its id once it is accepted.
 *
 * @throws ApiError 404, 409 with the reason why it cannot be, 429 as for any request; NotWantedError.
 */
export type Replay = (order: ReplayOrder) => Promise<string>;

export function createReplay(dependencies: ReplayDependencies): Replay {
  const { database, store, accept, retainUploadsHours } = dependencies;
  return async function replay(order) {
    const old = await readReplayable(database, order.executionId, retainUploadsHours);
    const id = uuidV7();
    const writer = createUploadWriter(store, `uploads/${id}`);
    const prepared = await prepare(dependencies, { old, order, id, writer });
    try {
      return (await accept(prepared)).id;
    } catch (error) {
      throw await refusalOf(error, prepared);
    }
  };
}

interface Preparing {
  readonly old: Replayable;
  readonly order: ReplayOrder;
  readonly id: string;
  readonly writer: UploadWriter;
}

async function prepare(
  { database, store, definitions }: ReplayDependencies,
  { old, order, id, writer }: Preparing,
): Promise<NewExecution> {
  const { deployment } = old;
  const fields = fieldsOf(old, order);
  try {
    await copyFiles(store, old, writer);
    const byName = (await definitions(deployment.workflowVersionId))?.dependsOnFileName ?? false;
    const upload = writer.received();
    const files = keyed(upload.files, byName);
    const reused = order.onlyFailed ? await takeSucceeded(database, store, { old, id, files, fields }) : [];
    const object = together([upload.object, ...reused.map((result) => result.object)]);
    const replay = { of: old.id, item: order.item };
    return { id, deployment, fields, upload: { ...upload, files, object }, once: null, reused, replay };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

function fieldsOf(
  { flags, tags, llmProfileId, customData }: Replayable,
  order: ReplayOrder,
): ExecutionFields {
  return {
    ...{ flags, tags, llmProfileId },
    timeoutSeconds: -1,
    customData: order.customData === undefined ? customData : order.customData,
    useFileHistory: false,
  };
}

/** What the database refused of this one was not committed, so its copies go. */
async function refusalOf(error: unknown, { upload }: NewExecution): Promise<unknown> {
  const state = sqlStateOf(error);
  if (state !== NOT_WANTED && state !== FOREIGN_KEY) return error;
  await upload.object?.discard();
  return state === NOT_WANTED
    ? new NotWantedError('The replay does not want this execution any more')
    : apiError('conflict', 'The execution was deleted meanwhile');
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { apiError } from '@longshore/contracts';
import type { HttpSource } from '@longshore/connectors';
import { uuidV7 } from '@longshore/runtime';
import type { Request, Response } from 'express';
import type { Definitions } from '../deployments/definitions.ts';
import type { Deployment } from '../deployments/deployments.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import type { Accept, NewExecution } from './accept.ts';
import type { TakenIn } from './answers.ts';
import { findReusable, together } from './file-history.ts';
import { findEarlier, fingerprintOf, idempotencyKeyOf, repeatedExecution, type Once } from './idempotency.ts';
import type { ReceivedForm } from './multipart.ts';
import { checkUrls, fetchFiles } from './presigned-urls.ts';
import { parseExecutionFields, type ExecutionFields } from './request-fields.ts';
import { keyed } from './run-key.ts';
import { receiveUpload } from './upload.ts';
import { tooManyFiles, type UploadLimits } from './upload-limits.ts';
import { createUploadWriter, type UploadWriter } from './upload-writer.ts';

export interface IntakeDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly definitions: Definitions;
  readonly source: HttpSource;
  readonly uploadLimits: UploadLimits;
  /** For all addresses of one request together, ms. */
  readonly fetchTimeoutMs: number;
  readonly accept: Accept;
}

/** What is known of a request once its body was read. */
interface Received {
  readonly id: string;
  readonly deployment: Deployment;
  readonly form: ReceivedForm;
  readonly fields: ExecutionFields;
  readonly writer: UploadWriter;
  readonly once: Once | null;
  readonly gone: AbortSignal;
}

/**
 * Takes in the requests of clients: reads the form, fetches what it names, accepts. Whatever is refused before it
 * was accepted leaves nothing, as does a client that goes away.
 */
export function createIntake(dependencies: IntakeDependencies) {
  return async function takeIn(
    deployment: Deployment,
    request: Request,
    response: Response,
  ): Promise<TakenIn> {
    const key = idempotencyKeyOf(request.headers);
    const id = uuidV7();
    const writer = createUploadWriter(dependencies.store, `uploads/${id}`);
    const gone = whenGone(response);
    let prepared: Prepared;
    try {
      const form = await receiveUpload(request, writer, dependencies.uploadLimits);
      const fields = parseFields(form, writer, dependencies.uploadLimits);
      const files = writer.received().files;
      const once = key === null ? null : { key, fingerprint: fingerprintOf(fields, files, form) };
      prepared = await prepare(dependencies, { id, deployment, form, fields, writer, once, gone });
    } catch (error) {
      await writer.discard();
      throw error;
    }
    if ('repeated' in prepared) return prepared;
    // From here on accepting alone knows whether the bytes are needed.
    return { ...(await dependencies.accept(prepared)), fields: prepared.fields };
  };
}

type Prepared = NewExecution | (TakenIn & { readonly repeated: true });

function parseFields({ fields, urls }: ReceivedForm, writer: UploadWriter, { maxFiles }: UploadLimits) {
  const count = writer.received().files.length + urls.length;
  if (count === 0) {
    throw apiError('required', 'Send at least one file in the field "files" or "presigned_urls"', 'files');
  }
  if (count > maxFiles) throw tooManyFiles(maxFiles);
  return parseExecutionFields(fields);
}

async function prepare(dependencies: IntakeDependencies, received: Received): Promise<Prepared> {
  const { id, deployment, fields, form, writer, once, gone } = received;
  const { source, uploadLimits: limits, fetchTimeoutMs: timeoutMs, database } = dependencies;
  if (form.urls.length > 0) {
    // An address is good for minutes, a key for a day: what was accepted is not fetched again.
    const earlier = once && (await findEarlier(database, deployment.id, once.key));
    if (earlier) {
      const first = repeatedExecution(earlier, once!);
      await writer.discard();
      return { id: first, fields, repeated: true };
    }
    checkUrls(source, form.urls);
    await fetchFiles(form.urls, { source, writer, limits, timeoutMs, gone });
  }
  const byName = (await dependencies.definitions(deployment.workflowVersionId))?.dependsOnFileName ?? false;
  const upload = writer.received();
  const files = keyed(upload.files, byName);
  const question = { id, deployment, fields, files, byName };
  const reused = fields.useFileHistory ? await findReusable(database, dependencies.store, question) : [];
  const object = together([upload.object, ...reused.map((result) => result.object)]);
  return { id, deployment, fields, upload: { ...upload, files, object }, once, reused };
}

/** Fires when the client hung up before it was answered. */
function whenGone(response: ServerResponse<IncomingMessage>): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort(apiError('malformed_request', 'The client went away in the middle of the request'));
  });
  return gone.signal;
}

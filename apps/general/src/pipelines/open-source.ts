import { isWithin, openFolderSource, openS3Source, type S3Secret } from '@longshore/connectors';
import {
  MAX_CHILDREN,
  pathOfAddress,
  type PipelineDestination,
  type PipelineSource,
  type S3Place,
} from '@longshore/contracts';
import { TaskError, type TaskContext } from '@longshore/tasks';
import { authorizationOf, credentialOf } from './credentials.ts';
import type { PipelineMeans } from './pipeline-settings.ts';

/** A file of a source, not yet read. */
export interface SourceFile {
  /** Names it within its pipeline. */
  readonly path: string;
  /** What tells this state of it from every other; null: nothing but its bytes. */
  readonly mark: string | null;
  /** Its bytes; may be called again. Rejects with FolderError, FetchError or S3Error for what is the file's own fault. */
  read(signal: AbortSignal): AsyncGenerator<Buffer>;
}

export interface Listing {
  readonly source: PipelineSource;
  readonly destination: PipelineDestination;
  readonly means: PipelineMeans;
  readonly context: Pick<TaskContext, 'pipelineFiles' | 'signal'>;
}

/**
 * Lists the files of a source. @throws FolderError, S3Error when it cannot be listed, for a listing that is not known is never taken for
 * an empty one; TaskError when results would be written where they are read again
 */
export async function listSource(listing: Listing): Promise<SourceFile[]> {
  const { folder, https, s3 } = listing.source;
  if (folder !== undefined) return await filesOfFolder(folder, listing);
  return s3 === undefined ? await filesOfAddresses(https!, listing) : await filesOfBucket(s3, listing);
}

async function filesOfFolder(
  { path, glob = '**/*', recursive = true }: NonNullable<PipelineSource['folder']>,
  { destination, means: { folders, maxFileBytes: maxBytes }, context }: Listing,
): Promise<SourceFile[]> {
  const folder = await openFolderSource({ folders, path, glob, recursive });
  if (destination !== 'none' && destination.folder !== undefined) {
    const target = await folders.make(destination.folder.path);
    if (isWithin(folder.realPath, target)) throw readsItself(destination.folder.path);
  }
  const files = await folder.list(MAX_CHILDREN, context.signal);
  return files.map((file) => ({ ...file, read: (signal) => folder.read(file.path, { signal, maxBytes }) }));
}

async function filesOfBucket(
  { glob = '**/*', prefix = '', credential, ...place }: NonNullable<PipelineSource['s3']>,
  { destination, means: { web, maxFileBytes: maxBytes }, context }: Listing,
): Promise<SourceFile[]> {
  const target = destination === 'none' ? undefined : destination.s3;
  if (target !== undefined && isSameBucket(place, target) && (target.prefix ?? '').startsWith(prefix))
    throw readsItself(`${target.bucket}/${target.prefix ?? ''}`);
  const { values } = await credentialOf(context, credential, ['s3']);
  const secret = values as unknown as S3Secret;
  const bucket = await openS3Source({ place, prefix, glob, secret, web });
  const files = await bucket.list(MAX_CHILDREN, context.signal);
  return files.map(({ path, mark, read }) => ({ path, mark, read: (signal) => read({ signal, maxBytes }) }));
}

function isSameBucket(one: Pick<S3Place, 'endpoint' | 'bucket'>, other: S3Place): boolean {
  return one.endpoint === other.endpoint && one.bucket === other.bucket;
}

function readsItself(place: string): TaskError {
  return new TaskError(
    'destination_in_source',
    `The destination ${place} lies in the source: its results would be read as files`,
    { retryable: false },
  );
}

async function filesOfAddresses(
  https: NonNullable<PipelineSource['https']>,
  { means, context }: Listing,
): Promise<SourceFile[]> {
  if (Array.isArray(https)) return https.map((address) => addressFile(address, means, undefined));
  const credential = await credentialOf(context, https.credential, ['bearer', 'basic']);
  const authorization = authorizationOf(credential);
  return https.addresses.map((address) => addressFile(address, means, authorization));
}

function addressFile(
  address: string,
  { addresses, fetchTimeoutMs, maxFileBytes: maxBytes }: PipelineMeans,
  authorization: string | undefined,
): SourceFile {
  return {
    path: pathOfAddress(address),
    mark: null,
    async *read(given) {
      const signal = AbortSignal.any([given, AbortSignal.timeout(fetchTimeoutMs)]);
      const asked = { signal, maxBytes, ...(authorization === undefined ? {} : { authorization }) };
      const { body } = await addresses.open(address, asked);
      yield* body;
    },
  };
}

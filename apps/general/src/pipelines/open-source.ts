import { isWithin, openFolderSource } from '@longshore/connectors';
import {
  MAX_CHILDREN,
  pathOfAddress,
  type PipelineDestination,
  type PipelineSource,
} from '@longshore/contracts';
import { TaskError } from '@longshore/tasks';
import type { PipelineMeans } from './pipeline-settings.ts';

/** A file of a source, not yet read. */
export interface SourceFile {
  /** Names it within its pipeline. */
  readonly path: string;
  /** Its bytes; may be called again. Rejects with FolderError or FetchError for what is the file's own fault. */
  read(signal: AbortSignal): AsyncGenerator<Buffer>;
}

/**
 * Lists the files of a source. @throws FolderError when it cannot be listed, for a listing that is not known is never taken for
 * an empty one; TaskError when results would be written where they are read again
 */
export async function listSource(
  source: PipelineSource,
  destination: PipelineDestination,
  { means, signal }: { means: PipelineMeans; signal: AbortSignal },
): Promise<SourceFile[]> {
  if (source.https !== undefined) return source.https.map((address) => addressFile(address, means));
  const { folders, maxFileBytes: maxBytes } = means;
  const { path, glob = '**/*', recursive = true } = source.folder!;
  const folder = await openFolderSource({ folders, path, glob, recursive });
  if (destination !== 'none') {
    const target = await folders.make(destination.folder.path);
    if (isWithin(folder.realPath, target)) throw readsItself(destination.folder.path);
  }
  const paths = await folder.list(MAX_CHILDREN, signal);
  return paths.map((file) => ({
    path: file,
    read: (given) => folder.read(file, { signal: given, maxBytes }),
  }));
}

function readsItself(path: string): TaskError {
  return new TaskError(
    'destination_in_source',
    `The destination ${path} lies in the source: its results would be read as files`,
    { retryable: false },
  );
}

function addressFile(
  address: string,
  { addresses, fetchTimeoutMs, maxFileBytes }: PipelineMeans,
): SourceFile {
  return {
    path: pathOfAddress(address),
    async *read(signal) {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]);
      const { body } = await addresses.open(address, { signal: bounded, maxBytes: maxFileBytes });
      yield* body;
    },
  };
}

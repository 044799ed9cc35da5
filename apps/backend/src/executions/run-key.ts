import { createHash } from 'node:crypto';
import type { ReceivedFile } from './upload-writer.ts';

/** A received file with the key of the run that reads it. */
export interface KeyedFile extends ReceivedFile {
  /** Files of one key are read once, and reported under each of their names. */
  readonly key: string;
}

/** The content alone, or the content and the name where the workflow's rules depend on the name. */
export function keyed(files: readonly ReceivedFile[], dependsOnFileName: boolean): KeyedFile[] {
  return files.map((file) => ({
    ...file,
    key: dependsOnFileName
      ? createHash('sha256').update(file.sha256).update('\0').update(file.name).digest('hex')
      : file.sha256,
  }));
}

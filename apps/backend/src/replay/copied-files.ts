import type { FileStore } from '../files/file-store.ts';
import type { UploadWriter } from '../executions/upload-writer.ts';
import { filesGone, type Replayable, type UploadedFile } from './replayable.ts';

/**
 * Copies the files of an execution into the object of a new one, which then stands for itself: retention and deletion of the
 * old one do not concern it. The old object may go while it is read; then nothing is half copied.
 *
 * @throws ApiError 409 when bytes are gone.
 */
export async function copyFiles(
  store: FileStore,
  { files, keptHours }: Pick<Replayable, 'files' | 'keptHours'>,
  writer: UploadWriter,
): Promise<void> {
  for (const file of files) {
    await writer.write(file.name, bytesOf(store, file, keptHours));
    const copied = writer.received().files.at(-1)!;
    if (copied.sha256 !== file.sha256) throw filesGone({ keptHours });
  }
}

async function* bytesOf(
  store: FileStore,
  { object, offset, size }: UploadedFile,
  keptHours: number,
): AsyncGenerator<Buffer> {
  if (size === 0) return;
  try {
    for await (const chunk of store.stream({ object, offset, size })) yield chunk as Buffer;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? filesGone({ keptHours }) : error;
  }
}

import { posix } from 'node:path';
import type { ReadDocument, ReadLimits } from '../document.ts';
import { joinDocuments } from '../layout/join-documents.ts';
import { UnreadableError } from '../unreadable.ts';
import { type ReadAttachment, readAttachments } from './attachments.ts';
import type { ZipParts } from './zip-parts.ts';
import type { ZipEntry } from './zip.ts';

/** Files that are read, and files that an archive may list at all. */
const MAX_FILES = 1000;
const MAX_ENTRIES = 20_000;
/** Nothing that people write packs better than this; a file that does was made to. */
const MAX_RATIO = 200;
/** Below this even such a file is harmless. */
const HARMLESS_BYTES = 1024 * 1024;

interface ZipOptions {
  readonly limits: ReadLimits;
  readonly readAttachment: ReadAttachment;
}

/** An archive of documents: each is read like a file of its own, in the order of the archive. One that cannot be read is a warning. */
export async function readZipOfFiles(
  { read }: ZipParts,
  entries: readonly ZipEntry[],
  { limits, readAttachment }: ZipOptions,
): Promise<ReadDocument> {
  if (entries.length > MAX_ENTRIES)
    throw new UnreadableError('too_large', `The archive lists more than the allowed ${MAX_ENTRIES} files.`);
  // Of two of one name the later one counts, as wherever it is unpacked.
  const files = [...new Map(entries.filter(isFile).map((entry) => [entry.name, entry])).values()];
  const parts: ReadDocument[] = [];
  const warnings: string[] = [];
  const attached = files.map((entry) => ({
    name: entry.name,
    content: () => {
      assertNoBomb(entry, entry.unpackedBytes);
      const content = read(entry.name);
      // Nobody held it to what it said.
      assertNoBomb(entry, content.byteLength);
      // Not the archive's own memory: readers keep what they are given.
      return new Uint8Array(content);
    },
  }));
  await readAttachments(attached, {
    ...{ parts, warnings, limits, readAttachment, noun: 'file', maxCount: MAX_FILES },
  });
  if (parts.length === 0) throw nothingRead(files, warnings);
  return joinDocuments({ kind: 'zip', mediaType: 'application/zip', warnings }, parts);
}

/** Folders, and what systems put beside the files of people, are no documents. */
function isFile({ name }: ZipEntry): boolean {
  if (name.endsWith('/') || name.startsWith('__MACOSX/')) return false;
  const base = posix.basename(name);
  return base !== '' && !base.startsWith('.') && base !== 'Thumbs.db' && base !== 'desktop.ini';
}

function assertNoBomb({ packedBytes }: ZipEntry, unpackedBytes: number): void {
  if (unpackedBytes <= Math.max(HARMLESS_BYTES, packedBytes * MAX_RATIO)) return;
  throw new UnreadableError(
    'unpacks_too_large',
    'It is packed, and unpacks to far more than any document does.',
  );
}

function nothingRead(files: readonly ZipEntry[], warnings: readonly string[]): UnreadableError {
  if (files.length === 0) return new UnreadableError('empty', 'The archive holds no files.');
  if (files.every(({ encrypted }) => encrypted))
    return new UnreadableError('encrypted', 'The archive is protected with a password.');
  return new UnreadableError('no_text', `No file of the archive could be read. ${warnings[0] ?? ''}`.trim());
}

import { z } from 'zod';

/** Version of the layout below. */
export const FORMAT = 1;

/** The first entry: what the archive is, so that nothing is written before it is known to fit. */
export const HEADER = 'longshore-backup.json';
/** Entries with one line for each of at most {@link FILES_PER_LIST} entries before it: hash, size, path. */
export const CHECKSUMS = 'checksums/';
/** The last entry: how much there should be. An archive without it was cut off. */
export const MANIFEST = 'manifest.json';

export const FILES_PER_LIST = 1_000;

/** What the rest belongs to: files of the home itself, of the database's folder, of the file store. */
export const HOME = 'home/';
export const POSTGRES = 'postgres/';
export const FILES = 'files/';

export const headerSchema = z.object({
  format: z.int(),
  release: z.string(),
  postgres: z.string(),
  arch: z.string(),
  created_at: z.iso.datetime(),
  /** The keys that open stored secrets were set with ENCRYPTION_KEYS and are not in it. */
  keys_elsewhere: z.boolean().default(false),
});
export type Header = z.infer<typeof headerSchema>;

export const manifestSchema = z.object({ entries: z.int(), bytes: z.int() });
export type Manifest = z.infer<typeof manifestSchema>;

/** A file or folder in an archive. */
export interface ArchiveEntry {
  readonly path: string;
  readonly kind: 'file' | 'folder';
  readonly size: number;
  readonly content: () => AsyncIterable<Uint8Array>;
}

/** A small file whose content is at hand. */
export function textEntry(path: string, text: string): ArchiveEntry {
  const bytes = Buffer.from(text);
  return {
    path,
    kind: 'file',
    size: bytes.length,
    content: async function* () {
      yield bytes;
    },
  };
}

/** One line of a list of checksums. */
export function checksumLine({ path, size }: Pick<ArchiveEntry, 'path' | 'size'>, sha256: string): string {
  return `${sha256} ${size} ${path}`;
}

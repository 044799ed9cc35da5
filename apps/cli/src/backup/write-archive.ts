import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress, type Gzip, type ZstdCompress } from 'node:zlib';
import { pack } from 'tar-stream';
import { usageError } from '../cli-error.ts';
import {
  type ArchiveEntry,
  checksumLine,
  CHECKSUMS,
  FILES_PER_LIST,
  MANIFEST,
  type Manifest,
  textEntry,
} from './archive-format.ts';

/** An archive that is being written. Ends with `finish` or `abandon`. */
export interface ArchiveWriter {
  /** Adds one entry; resolves when it was handed on. Never more of a file than a piece of it is in memory. */
  add(entry: ArchiveEntry): Promise<void>;
  /** Content bytes added so far. */
  readonly bytes: number;
  /** Gives the archive its name, whole and on the disk. */
  finish(): Promise<Manifest>;
  /** Removes what was written. */
  abandon(): Promise<void>;
}

/** Begins an archive, for its owner alone. Its ending names the compression. Throws CliError for another ending. */
export function createArchive(file: string): ArchiveWriter {
  const unfinished = `${file}.unfinished`;
  const tar = openTar(unfinished, compressorFor(file));
  const totals = { entries: 0, bytes: 0 };
  let lines: string[] = [];

  async function putList(): Promise<void> {
    if (lines.length === 0) return;
    const list = `${lines.join('\n')}\n`;
    lines = [];
    await tar.put(textEntry(`${CHECKSUMS}${totals.entries}`, list));
  }

  return {
    get bytes() {
      return totals.bytes;
    },
    async add(entry) {
      lines.push(checksumLine(entry, await tar.put(entry)));
      totals.entries += 1;
      totals.bytes += entry.size;
      if (lines.length >= FILES_PER_LIST) await putList();
    },
    async finish() {
      await putList();
      await tar.put(textEntry(MANIFEST, `${JSON.stringify(totals)}\n`));
      await tar.finish();
      await rename(unfinished, file);
      return { ...totals };
    },
    async abandon() {
      await tar.abandon();
      await rm(unfinished, { force: true });
    },
  };
}

/** A compressed tar file. `put` answers with the SHA-256 of the content. */
function openTar(file: string, compressor: Compressor) {
  const tar = pack();
  tar.on('error', () => undefined); // Told by what is being written.
  const target = createWriteStream(file, { mode: 0o600, flags: 'w', flush: true });
  const written = pipeline(tar as AsyncIterable<Uint8Array>, compressor, target);
  const failed = written.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined); // Told by whoever waits for it.

  return {
    async put({ path, kind, size, content }: ArchiveEntry): Promise<string> {
      const hash = createHash('sha256');
      const { promise: stored, resolve, reject } = Promise.withResolvers<void>();
      stored.catch(() => undefined); // Told below, unless something else failed before.
      const isFile = kind === 'file';
      const header = {
        name: path,
        type: isFile ? kind : 'directory',
        size,
        mode: isFile ? 0o600 : 0o700,
      } as const;
      const sink = tar.entry(header, (error) => (error ? reject(error) : resolve()));
      sink.on('error', reject);
      for await (const chunk of content()) {
        hash.update(chunk);
        if (!sink.write(chunk)) await Promise.race([once(sink, 'drain'), failed]);
      }
      sink.end(null);
      await Promise.race([stored, failed]);
      return hash.digest('hex');
    },
    async finish(): Promise<void> {
      tar.finalize();
      await written;
    },
    async abandon(): Promise<void> {
      tar.destroy();
      await written.catch(() => undefined);
    },
  };
}

type Compressor = Gzip | ZstdCompress;

function compressorFor(file: string): Compressor {
  if (file.endsWith('.tar.zst')) return createZstdCompress();
  if (file.endsWith('.tar.gz') || file.endsWith('.tgz')) return createGzip();
  throw usageError(`"${file}" does not say how to compress it: let its name end with .tar.zst or .tar.gz.`);
}

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { pack } from 'tar-stream';
import { CliError } from '../cli-error.ts';
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
  const compressor = compressorFor(file);
  const unfinished = `${file}.unfinished`;
  const tar = pack();
  const target = createWriteStream(unfinished, { mode: 0o600, flags: 'w', flush: true });
  const written = pipeline(tar as AsyncIterable<Uint8Array>, compressor, target);
  const failed = written.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined); // Told by whoever waits for it.
  tar.on('error', () => undefined); // The same once more.
  const totals = { entries: 0, bytes: 0 };
  let lines: string[] = [];

  async function put(entry: ArchiveEntry): Promise<string> {
    const hash = createHash('sha256');
    const { promise: stored, resolve, reject } = Promise.withResolvers<void>();
    const type = entry.kind === 'folder' ? 'directory' : 'file';
    const header = {
      name: entry.path,
      type,
      size: entry.size,
      mode: type === 'file' ? 0o600 : 0o700,
    } as const;
    const sink = tar.entry(header, (error) => (error ? reject(error) : resolve()));
    sink.on('error', reject);
    stored.catch(() => undefined); // Told below, unless something else failed before.
    for await (const chunk of entry.content()) {
      hash.update(chunk);
      if (!sink.write(chunk)) await Promise.race([once(sink, 'drain'), failed]);
    }
    sink.end(null);
    await Promise.race([stored, failed]);
    return hash.digest('hex');
  }

  async function putList(): Promise<void> {
    if (lines.length === 0) return;
    const list = `${lines.join('\n')}\n`;
    lines = [];
    await put(textEntry(`${CHECKSUMS}${totals.entries}`, list));
  }

  return {
    get bytes() {
      return totals.bytes;
    },
    async add(entry) {
      lines.push(checksumLine(entry, await put(entry)));
      totals.entries += 1;
      totals.bytes += entry.size;
      if (lines.length >= FILES_PER_LIST) await putList();
    },
    async finish() {
      await putList();
      await put(textEntry(MANIFEST, `${JSON.stringify(totals)}\n`));
      tar.finalize();
      await written;
      await rename(unfinished, file);
      return { ...totals };
    },
    async abandon() {
      tar.destroy();
      await written.catch(() => undefined);
      await rm(unfinished, { force: true });
    },
  };
}

function compressorFor(file: string) {
  if (file.endsWith('.tar.zst')) return createZstdCompress();
  if (file.endsWith('.tar.gz') || file.endsWith('.tgz')) return createGzip();
  throw new CliError(`"${file}" does not say how to compress it: let its name end with .tar.zst or .tar.gz.`);
}

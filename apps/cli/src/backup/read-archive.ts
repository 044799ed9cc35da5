import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract } from 'tar-stream';
import { CliError } from '../cli-error.ts';
import { type ArchiveEntry, checksumLine, CHECKSUMS, MANIFEST, manifestSchema } from './archive-format.ts';

export interface ReadOptions {
  /** Takes each entry in turn, and reads its content to the end. */
  take: (entry: ArchiveEntry) => Promise<void>;
  /** Told how many bytes of the file were read. */
  onProgress?: (bytes: number) => void;
}

/**
 * Reads an archive from its beginning to its end and holds every entry against its checksum.
 * Throws CliError when the file is no such archive, when an entry is damaged, and when its end is missing.
 */
export async function readArchive(file: string, { take, onProgress }: ReadOptions): Promise<void> {
  const check = createCheck(file);
  const decompressor = await decompressorFor(file);
  const tar = extract();
  const source = createReadStream(file);
  const reading = pipeline(source, decompressor, tar as unknown as NodeJS.WritableStream);
  // It may fail while an entry is still being taken, long before anybody waits for it.
  reading.catch(() => undefined);
  try {
    for await (const stream of tar) {
      const { name, size, type } = stream.header;
      const entry = {
        path: safePath(name, file),
        kind: type === 'directory' ? 'folder' : 'file',
        size,
      } as const;
      onProgress?.(source.bytesRead);
      await check.entry({ ...entry, content: () => stream as AsyncIterable<Uint8Array> }, take);
    }
    await reading;
  } catch (error) {
    tar.destroy();
    await reading.catch(() => undefined);
    throw isOfArchive(error) ? damaged(file, error) : error;
  }
  check.end();
}

/** What zlib and the reader of the archive say of bytes that are not what they should be. */
function isOfArchive(error: unknown): boolean {
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  return (
    /^(?:Z_|ZSTD_|ERR_ZSTD|ERR_STREAM_PREMATURE_CLOSE)/.test(code) ||
    /Unexpected end of data|Invalid (?:tar )?header|unexpected end of file|Header exceeds/i.test(message)
  );
}

function damaged(file: string, cause?: unknown): CliError {
  return new CliError(`${file} is damaged or cut off: take another backup.`, { cause });
}

/** Nothing in an archive may lead out of the folder into which it is unpacked. */
function safePath(name: string, file: string): string {
  const path = name.replace(/\/$/, '');
  const parts = path.split('/');
  if (path === '' || parts.some((part) => part === '' || part === '.' || part === '..')) throw damaged(file);
  return path;
}

async function decompressorFor(file: string) {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.readUInt32LE() === 0xfd2fb528) return createZstdDecompress();
    if (buffer.readUInt16BE() === 0x1f8b) return createGunzip();
  } finally {
    await handle.close();
  }
  throw new CliError(`${file} is no backup of Longshore: name a file that "longshore backup" wrote.`);
}

function createCheck(file: string) {
  const totals = { entries: 0, bytes: 0 };
  let unlisted: string[] = [];
  let isWhole = false;

  return {
    async entry(entry: ArchiveEntry, take: ReadOptions['take']): Promise<void> {
      if (entry.path.startsWith(CHECKSUMS)) {
        requireEqual(unlisted, (await text(entry.content())).trimEnd().split('\n'), file);
        unlisted = [];
      } else if (entry.path === MANIFEST) {
        const { entries, bytes } = manifestSchema.parse(JSON.parse(await text(entry.content())));
        isWhole = entries === totals.entries && bytes === totals.bytes && unlisted.length === 0;
      } else {
        const hash = createHash('sha256');
        await take({ ...entry, content: () => hashed(entry.content(), hash) });
        unlisted.push(checksumLine(entry, hash.digest('hex')));
        totals.entries += 1;
        totals.bytes += entry.size;
      }
    },
    end(): void {
      if (!isWhole) throw damaged(file);
    },
  };
}

async function* hashed(content: AsyncIterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }) {
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}

function requireEqual(found: readonly string[], listed: readonly string[], file: string): void {
  const wrong = listed.findIndex((line, index) => line !== found[index]);
  if (wrong === -1 && listed.length === found.length) return;
  const path = (listed[wrong] ?? found[wrong] ?? '').split(' ').slice(2).join(' ');
  throw new CliError(`${file} is damaged (${path}): take another backup.`);
}

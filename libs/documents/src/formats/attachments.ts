import type { ReadDocument, ReadLimits } from '../document.ts';
import { piecesOf } from '../layout/join-documents.ts';
import { UnreadableError } from '../unreadable.ts';
import { unpackedSize } from './zip.ts';

/** Reads one file inside of another, as any other file is read; undefined when they stand too deep in each other. */
export type ReadAttachment =
  ((bytes: Uint8Array, options: { name: string; limits: ReadLimits }) => Promise<ReadDocument>) | undefined;

/** A file inside of another. Its content may throw UnreadableError. */
export interface Attached {
  readonly name: string;
  readonly content: () => Uint8Array;
  /** For what is no file by itself: reads it in place of its content. */
  readonly read?: (limits: ReadLimits) => Promise<ReadDocument>;
}

export interface Gathering {
  /** What was read before, and where what is read is added. */
  readonly parts: ReadDocument[];
  readonly warnings: string[];
  readonly limits: ReadLimits;
  readonly readAttachment: ReadAttachment;
  /** What such a file is called: "attachment". */
  readonly noun: string;
  readonly maxCount: number;
}

/**
 * Reads files inside of another one after the other. All share the limits of one file. What cannot be read is named in a
 * warning.
 */
export async function readAttachments(attached: readonly Attached[], gathering: Gathering): Promise<void> {
  const { parts, warnings, limits, readAttachment, noun, maxCount } = gathering;
  let pieces = limits.maxPieces - parts.reduce((sum, part) => sum + piecesOf(part), 0);
  let text = limits.maxTextBytes - parts.reduce((sum, part) => sum + part.text.length, 0);
  let pages = limits.maxPages - parts.reduce((sum, part) => sum + part.pageCount, 0);
  let unpacked = limits.maxUnpackedBytes;
  for (const [index, { name, content, read: readInside }] of attached.entries()) {
    if (index >= maxCount || readAttachment === undefined) {
      warnings.push(`The ${noun} "${name}" was not read: there are too many, or too deep in each other.`);
      continue;
    }
    const left = {
      ...limits,
      maxPieces: Math.max(0, pieces),
      maxTextBytes: Math.max(1, text),
      maxPages: pages,
      maxUnpackedBytes: Math.max(0, unpacked),
    };
    const read = await warned(gathering, name, async () => {
      if (readInside !== undefined) return readInside(left);
      const bytes = content();
      unpacked -= bytes.length + unpackedSize(bytes);
      return readAttachment(bytes, { name, limits: left });
    });
    if (read === undefined) continue;
    parts.push(read);
    pieces -= piecesOf(read);
    text -= read.text.length;
    pages -= read.pageCount;
  }
}

async function warned(
  { warnings, noun }: Gathering,
  name: string,
  reading: () => Promise<ReadDocument>,
): Promise<ReadDocument | undefined> {
  try {
    const read = await reading();
    for (const warning of read.warnings ?? []) warnings.push(`In the ${noun} "${name}": ${warning}`);
    // Worked out now, while what it costs can still be counted and told.
    void read.lines;
    void read.tables;
    return read;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    warnings.push(`The ${noun} "${name}" was not read: ${error.message}`);
    return undefined;
  }
}

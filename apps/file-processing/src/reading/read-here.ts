import { isUtf8 } from 'node:buffer';
import { mayRunLong, type WorkflowDefinition } from '@longshore/contracts';
import { mayBeMarkup } from '@longshore/documents';
import type { createFileReader } from './file-reader.ts';
import type { ReadingResult } from './messages.ts';
import { ceilingOf, requestTo, resultOf, type ThreadJob, type ThreadLimits } from './reading-thread.ts';

/**
 * Up to this size plain text is read where it is: that takes about a tenth of a millisecond, patterns included (they run in
 * linear time, and heavy ones go to a thread), and a thread would cost as much again for each message there and back.
 */
const SMALL_BYTES = 16 * 1024;

/** True for a small file that holds nothing but text: no format that unpacks, decodes or lays out anything. */
export function isSmallText(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length > SMALL_BYTES || bytes[0] === PERCENT) return false;
  return isUtf8(bytes) && !bytes.includes(0) && !mayBeMarkup(bytes);
}

/** Remembers of each definition whether small texts are quickly done with it: only then may they be read here. */
export function createQuickTest(): (definition: WorkflowDefinition) => boolean {
  const known = new WeakMap<WorkflowDefinition, boolean>();
  return (definition) => {
    const quick = known.get(definition) ?? !mayRunLong(definition);
    known.set(definition, quick);
    return quick;
  };
}

/** A PDF begins with `%PDF` and can be text throughout. */
const PERCENT = 0x25;

/** Reads on the calling thread. The returned function throws as the pool does. */
export function createReadHere(limits: ThreadLimits): (job: ThreadJob) => Promise<ReadingResult> {
  // Loaded with the first file: a worker that waits for work does not hold the readers of all formats.
  let reader: Promise<ReturnType<typeof createFileReader>> | undefined;
  const known = new Set<string>();
  return async (job) => {
    reader ??= import('./file-reader.ts').then((reading) => reading.createFileReader(ceilingOf(limits)));
    const read = await reader;
    return resultOf(await read(requestTo(known, job, job.bytes)));
  };
}

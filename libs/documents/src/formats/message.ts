import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { joinDocuments } from '../layout/join-documents.ts';
import { createTextFlow } from '../layout/text-flow.ts';
import { UnreadableError } from '../unreadable.ts';
import { type Attached, type ReadAttachment, readAttachments } from './attachments.ts';

/** Attachments that are read; the others are named. */
const MAX_ATTACHMENTS = 100;
const MAX_METADATA = 1000;

/** A message, whatever program wrote it. */
export interface Message {
  readonly kind: 'eml' | 'msg';
  readonly mediaType: string;
  /** From, To, Cc, Date, Subject as far as it has them, and its identifier. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly id: string | undefined;
  readonly body: ReadDocument | undefined;
  readonly attached: readonly Attached[];
  /** What is to be told about the message as a whole. */
  readonly warnings?: readonly string[];
}

/** The document that a message is: headers, text, then its attachments one after the other. */
export async function messageDocument(
  { kind, mediaType, headers, id, body, attached, warnings: told = [] }: Message,
  limits: ReadLimits,
  readAttachment: ReadAttachment,
): Promise<ReadDocument> {
  const rows = Object.entries(headers).filter(
    (entry): entry is [string, string] => (entry[1] ?? '').trim() !== '',
  );
  const metadata = Object.fromEntries(
    [...rows, ['message_id', id ?? '']]
      .filter(([, value]) => value !== '')
      .map(([name = '', value = '']) => [name.toLowerCase(), value.slice(0, MAX_METADATA)]),
  );
  const parts = [headerDocument({ kind, mediaType }, rows, limits), ...(body === undefined ? [] : [body])];
  const warnings = [...told, ...(body?.warnings ?? [])];
  const gathering = {
    parts,
    warnings,
    limits,
    readAttachment,
    noun: 'attachment',
    maxCount: MAX_ATTACHMENTS,
  };
  await readAttachments(attached, gathering);
  if (parts.every(({ text }) => text === ''))
    throw new UnreadableError('no_text', 'The message has no text and no attachment that can be read.');
  return joinDocuments({ kind, mediaType, metadata, warnings }, parts);
}

function headerDocument(
  head: Pick<Message, 'kind' | 'mediaType'>,
  rows: readonly [string, string][],
  limits: ReadLimits,
): ReadDocument {
  const flow = createTextFlow(limits);
  for (const [name, value] of rows) {
    flow.looseText(`${name}: ${value}`);
    flow.endParagraph();
  }
  return blocksDocument({ ...head, pageCount: 1 }, flow.blocks(), limits);
}

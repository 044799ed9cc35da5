import { fileTypeFromBuffer } from 'file-type';
import { holdsName, isCompoundFile } from './compound-kind.ts';
import { UnreadableError } from '../unreadable.ts';

/** Refuses text that is a program for a printer: its commands would pass for content. */
export function refusePrinterText(text: string): void {
  if (text.startsWith('%!PS')) throw unsupported('looks like a PostScript file');
}

/** Names what bytes that are no text look like, as an error; undefined when they look like nothing known. */
export async function knownBinary(bytes: Uint8Array): Promise<UnreadableError | undefined> {
  if (isCompoundFile(bytes)) return compoundFile(bytes);
  const type = await fileTypeFromBuffer(bytes.subarray(0, 64 * 1024)).catch(() => undefined);
  return type === undefined ? undefined : unsupported(`looks like ${type.ext.toUpperCase()} (${type.mime})`);
}

/** Old Office files and encrypted new ones share one container. */
function compoundFile(bytes: Uint8Array): UnreadableError {
  return holdsName(bytes, 'EncryptedPackage')
    ? new UnreadableError('encrypted', 'The Office document is protected with a password.')
    : unsupported('looks like an Office file of the old format (doc, xls, ppt)');
}

function unsupported(detail: string): UnreadableError {
  return new UnreadableError(
    'unsupported_type',
    `The file ${detail}, which cannot be read yet. Save it as PDF, docx, xlsx, html or text and send it again.`,
  );
}

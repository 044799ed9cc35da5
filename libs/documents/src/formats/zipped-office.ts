import type { ReadDocument, ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';
import type { ReadAttachment } from './attachments.ts';
import { openParts, type ZipParts } from './zip-parts.ts';
import { assertSafeZip, listZip } from './zip.ts';

const OTHER_PARTS: readonly (readonly [part: string, what: string])[] = [
  ['xl/workbook.bin', 'an Excel workbook of the binary format (xlsb)'],
  ['AndroidManifest.xml', 'a program for telephones'],
  ['META-INF/manifest.xml', 'an OpenDocument file of another kind'],
];

/** A packed file: a document of Office or OpenDocument, a book, or several files that are read one after the other. */
export async function readZipped(
  bytes: Uint8Array,
  limits: ReadLimits,
  readAttachment: ReadAttachment,
): Promise<ReadDocument> {
  const entries = listZip(bytes);
  const parts = openParts(bytes, entries, limits);
  if (parts.has('word/document.xml')) {
    assertSafeZip(bytes, entries, limits);
    const { readDocx } = await import('./docx.ts');
    return readDocx(parts, limits);
  }
  if (parts.has('xl/workbook.xml')) return (await import('./xlsx.ts')).readXlsx(parts, limits);
  if (parts.has('ppt/presentation.xml')) return (await import('./pptx.ts')).readPptx(parts, limits);
  const kind = openDocumentKind(parts);
  if (kind !== undefined) return readOpenDocument(kind, parts, limits);
  if (parts.has('META-INF/container.xml')) return (await import('./epub.ts')).readEpub(parts, limits);
  const what = OTHER_PARTS.find(([part]) => parts.has(part))?.[1];
  if (what === undefined)
    return (await import('./zip-of-files.ts')).readZipOfFiles(parts, entries, { limits, readAttachment });
  throw new UnreadableError('unsupported_type', `The file looks like ${what}, which cannot be read yet.`);
}

const KINDS = new Map([
  ['application/vnd.oasis.opendocument.text', 'odt'],
  ['application/vnd.oasis.opendocument.text-template', 'odt'],
  ['application/vnd.oasis.opendocument.spreadsheet', 'ods'],
  ['application/vnd.oasis.opendocument.spreadsheet-template', 'ods'],
  ['application/vnd.oasis.opendocument.presentation', 'odp'],
  ['application/vnd.oasis.opendocument.presentation-template', 'odp'],
] as const);

type OpenDocumentKind = 'odt' | 'ods' | 'odp';

/** An OpenDocument file says in a part of its own what it is. */
function openDocumentKind(parts: ZipParts): OpenDocumentKind | undefined {
  if (!parts.has('mimetype') || !parts.has('content.xml')) return undefined;
  const claimed = Buffer.from(parts.read('mimetype').subarray(0, 200)).toString('latin1').trim();
  return new Map<string, OpenDocumentKind>(KINDS).get(claimed);
}

async function readOpenDocument(kind: OpenDocumentKind, parts: ZipParts, limits: ReadLimits) {
  assertNotEncrypted(parts);
  if (kind === 'ods') return (await import('./ods.ts')).readOds(parts, limits);
  return (await import('./opendocument-text.ts')).readOpenDocument(kind, parts, limits);
}

/** Its parts are encrypted one by one, which only its list of parts says. */
function assertNotEncrypted(parts: ZipParts): void {
  const manifest = 'META-INF/manifest.xml';
  if (parts.has(manifest) && Buffer.from(parts.read(manifest)).includes('encryption-data'))
    throw new UnreadableError('encrypted', 'The OpenDocument file is protected with a password.');
}

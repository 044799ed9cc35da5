import type { ReadDocument, ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';
import { readDocx } from './docx.ts';
import { assertSafeZip, listZip } from './zip.ts';

const OFFICE_PARTS: readonly (readonly [part: string, what: string])[] = [
  ['xl/workbook.xml', 'an Excel workbook'],
  ['xl/workbook.bin', 'an Excel workbook'],
  ['ppt/presentation.xml', 'a PowerPoint presentation'],
  ['META-INF/manifest.xml', 'an OpenDocument file'],
  ['META-INF/container.xml', 'an e-book'],
];

/** A packed file: a Word document is read, any other is named. */
export async function readZipped(bytes: Uint8Array, limits: ReadLimits): Promise<ReadDocument> {
  const entries = listZip(bytes);
  const names = new Set(entries.map(({ name }) => name));
  if (!names.has('word/document.xml')) {
    const what = OFFICE_PARTS.find(([part]) => names.has(part))?.[1] ?? 'a ZIP archive';
    throw new UnreadableError('unsupported_type', `The file looks like ${what}, which cannot be read yet.`);
  }
  assertSafeZip(bytes, entries, limits);
  return readDocx(bytes, limits);
}

import type { ReadDocument, ReadLimits } from '../document.ts';
import { joinDocuments } from '../layout/join-documents.ts';
import { UnreadableError } from '../unreadable.ts';
import { type Attached, readAttachments } from './attachments.ts';
import { readHtml } from './html.ts';
import { decodeMarkup } from './markup-encoding.ts';
import { readOfficeMetadata } from './office-metadata.ts';
import { partName } from './office-relations.ts';
import { assertPages } from './page-limit.ts';
import { attribute, readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

const CONTAINER = 'META-INF/container.xml';
const PAGE = /^(?:application\/xhtml\+xml|text\/html)$/u;

/** A book: its chapters in reading order, a page for each. Its pictures are left out. */
export async function readEpub(parts: ZipParts, limits: ReadLimits): Promise<ReadDocument> {
  if (parts.has('META-INF/encryption.xml') && hasLockedChapters(parts))
    throw new UnreadableError('encrypted', 'The book is protected against copying.');
  const packagePart = packageOf(parts);
  const chapters = chaptersOf(parts, packagePart);
  assertPages(chapters.length, 'chapters', limits);
  const read: ReadDocument[] = [];
  const warnings: string[] = [];
  const attached = chapters.map((name): Attached => ({ name, content: () => parts.read(name) }));
  await readAttachments(attached, {
    ...{ parts: read, warnings, limits, noun: 'chapter', maxCount: Infinity },
    readAttachment: async (bytes, { limits: left }) => readHtml(decodeMarkup(bytes, 'The chapter'), left),
  });
  if (read.every(({ text }) => text === ''))
    throw new UnreadableError('no_text', 'The book contains no text.');
  const metadata = readOfficeMetadata(parts, packagePart, limits);
  // A chapter of nothing but a picture, such as the cover, is nothing that anybody misses.
  const told = warnings.filter((warning) => !warning.endsWith('The HTML page shows no text.'));
  return joinDocuments({ kind: 'epub', mediaType: 'application/epub+zip', metadata, warnings: told }, read);
}

/** Books may lock away their fonts alone, which nobody reads here. */
function hasLockedChapters(parts: ZipParts): boolean {
  let locked = false;
  readXmlEvents(parts.read('META-INF/encryption.xml'), 'The list of what is locked in the book', {
    open: (name, attributes) => {
      if (name === 'CipherReference' && /\.x?html?$/iu.test(attribute(attributes, 'URI') ?? ''))
        locked = true;
    },
  });
  return locked;
}

function packageOf(parts: ZipParts): string {
  let path: string | undefined;
  readXmlEvents(parts.read(CONTAINER), 'The table of contents of the book', {
    open: (name, attributes) => {
      if (name === 'rootfile') path ??= attribute(attributes, 'full-path');
    },
  });
  if (path === undefined)
    throw new UnreadableError('corrupt', 'The book is damaged: it does not say where it begins.');
  return path;
}

/** Names of the parts that are read one after the other. */
function chaptersOf(parts: ZipParts, packagePart: string): string[] {
  const items = new Map<string, string>();
  const spine: string[] = [];
  readXmlEvents(parts.read(packagePart), 'The list of the chapters of the book', {
    open: (name, attributes) => {
      const type = attribute(attributes, 'media-type') ?? '';
      if (name === 'item' && PAGE.test(type))
        items.set(attribute(attributes, 'id') ?? '', decoded(attribute(attributes, 'href') ?? ''));
      if (name === 'itemref') spine.push(attribute(attributes, 'idref') ?? '');
    },
  });
  // Each once: a book that shows one chapter a million times says nothing more by it.
  const hrefs = [...new Set(spine)].flatMap((id) => items.get(id) ?? []);
  return hrefs.map((href) => partName(packagePart, href));
}

function decoded(href: string): string {
  try {
    return decodeURIComponent(href.replace(/#.*$/u, ''));
  } catch {
    return href;
  }
}

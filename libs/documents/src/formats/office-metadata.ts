import { createTextBudget } from '../layout/piece-budget.ts';
import type { ReadLimits } from '../document.ts';
import { readableText } from '../values/readable.ts';
import { readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

/** What Office documents and OpenDocument files call the same things. */
const NAMES: Readonly<Record<string, string>> = {
  title: 'title',
  subject: 'subject',
  creator: 'author',
  'initial-creator': 'author',
  description: 'description',
  keywords: 'keywords',
  keyword: 'keywords',
  created: 'created',
  'creation-date': 'created',
  modified: 'modified',
  date: 'modified',
};
const MAX_LENGTH = 1000;

/** What a document says about itself, from the part that says it; empty without. */
export function readOfficeMetadata(
  parts: ZipParts,
  part: string,
  limits: ReadLimits,
): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = {};
  if (!parts.has(part)) return metadata;
  const take = createTextBudget(limits.maxTextBytes);
  let name: string | undefined;
  readXmlEvents(parts.read(part), 'What the document says about itself', {
    open: (element) => (name = Object.hasOwn(NAMES, element) ? NAMES[element] : undefined),
    close: () => (name = undefined),
    text: (text) => {
      take(text.length);
      const known = readableText(text).trim().slice(0, MAX_LENGTH);
      if (name !== undefined && known !== '') metadata[name] ??= known;
    },
  });
  return metadata;
}

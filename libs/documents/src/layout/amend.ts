import type { ReadDocument } from '../document.ts';

/** A document with other values in some places. What is worked out when it is asked for stays so. */
export function amended(document: ReadDocument, changes: Partial<ReadDocument>): ReadDocument {
  return Object.defineProperties(
    {},
    { ...Object.getOwnPropertyDescriptors(document), ...Object.getOwnPropertyDescriptors(changes) },
  ) as ReadDocument;
}

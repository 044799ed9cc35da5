import type { DocumentKind } from '../document.ts';

/** Kinds that are drawn: their text has places on pages, in points, in a picture in its pixels. */
export const DRAWN: ReadonlySet<DocumentKind> = new Set<DocumentKind>([
  'pdf',
  'png',
  'jpeg',
  'tiff',
  'webp',
  'bmp',
  'gif',
]);

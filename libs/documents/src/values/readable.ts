import { cleanText } from './clean.ts';

/** Marks without width that steer line breaks and direction: a person does not see them, a pattern would trip over them. */
const INVISIBLE = /[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/gu;
const LIGATURE = /[\uFB00-\uFB06]/gu;
const SPECIAL = /[\u0000\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFB00-\uFB06\uFEFF]/u;

/**
 * A text as a person would type it: without soft hyphens and marks of direction, ligatures as their letters. The joiners
 * of Persian and of Indian scripts stay, since words are spelled with them.
 */
export function readableText(text: string): string {
  if (!SPECIAL.test(text)) return cleanText(text);
  return cleanText(text)
    .replaceAll(INVISIBLE, '')
    .replaceAll(LIGATURE, (ligature) => ligature.normalize('NFKC'));
}

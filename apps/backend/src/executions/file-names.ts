import { apiError } from '@longshore/contracts';

const MAX_NAME_CHARACTERS = 255;

/**
 * The name under which a received file is reported, and nothing else: nothing is ever stored under it. In one spelling
 * (NFC); without control characters, which no log and no table should carry, and without those that turn the
 * direction of writing, which make `fdp.exe` look like `exe.pdf`; not longer than a file system allows, with its
 * extension. Empty when nothing is left.
 */
export function cleanedName(name: string): string {
  const cleaned = name
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '')
    .toWellFormed()
    .normalize('NFC')
    .trim();
  const characters = [...cleaned];
  if (characters.length <= MAX_NAME_CHARACTERS) return cleaned;
  const extension = /\.[^.\s]{1,16}$/u.exec(cleaned)?.[0] ?? '';
  return characters.slice(0, MAX_NAME_CHARACTERS - [...extension].length).join('') + extension;
}

/**
 * The name of a file of the form, cleaned. Folders were cut off by the parser.
 *
 * @throws ApiError 400 for a file in another field than `files`, or without a name.
 */
export function cleanFileName(field: string | undefined, filename: string | undefined): string {
  if (field !== 'files') throw apiError('invalid', 'Files belong into the field "files"', field ?? null);
  const name = cleanedName(filename ?? '');
  if (name === '') throw apiError('invalid', 'A file without a name', 'files');
  return name;
}

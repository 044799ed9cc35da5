import { apiError } from '@longshore/contracts';

const MAX_NAME_CHARACTERS = 255;

/**
 * The name under which a received file is reported: without control characters, which no log and no table should
 * carry, and not longer than a file system allows. Folders were cut off by the parser.
 *
 * @throws ApiError 400 for a file in another field than `files`, or without a name.
 */
export function cleanFileName(field: string | undefined, filename: string | undefined): string {
  if (field !== 'files') throw apiError('invalid', 'Files belong into the field "files"', field ?? null);
  const name = (filename ?? '')
    .replaceAll(/\p{Cc}/gu, '')
    .toWellFormed()
    .trim();
  if (name === '') throw apiError('invalid', 'A file without a name', 'files');
  return [...name].slice(0, MAX_NAME_CHARACTERS).join('');
}

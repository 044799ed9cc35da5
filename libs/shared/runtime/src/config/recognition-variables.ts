import { list, seconds, text, wholeNumber } from './schemas.ts';
import { defaulting, optional } from './variable.ts';

const LANGUAGE = /^[A-Za-z][\w-]{1,30}$/u;

/** How the file-processing worker, and `longshore extract` like it, recognise text in pictures and scans. */
export const recognitionVariables = {
  ocrLanguages: defaulting('eng', {
    env: 'OCR_LANGUAGES',
    schema: list
      .refine((codes) => codes.length > 0 && codes.length <= 10, 'names none, or more than ten')
      .refine((codes) => codes.every((code) => LANGUAGE.test(code)), 'is no list of codes such as eng,deu'),
    range: 'codes of up to 10 languages separated by commas',
    help: 'The languages of text that is recognised in pictures and scans, for workflows that name none. Others than eng need OCR_DATA_DIR.',
    readBy: ['file-processing', 'cli'],
  }),
  ocrDataFolder: optional({
    env: 'OCR_DATA_DIR',
    schema: text,
    range: 'a folder',
    help: 'Where the data of further languages lies, as `deu.traineddata` or `deu.traineddata.gz`. It is never fetched.',
    readBy: ['file-processing', 'cli'],
  }),
  ocrMaxPages: defaulting('100', {
    env: 'OCR_MAX_PAGES',
    schema: wholeNumber(0, 10_000),
    range: '0 to 10000; 0 turns recognition off',
    help: 'On how many pages of one file text is recognised at most; blank pages do not count.',
    readBy: ['file-processing', 'cli'],
  }),
  ocrPageTimeoutMs: defaulting('30', {
    env: 'OCR_PAGE_TIMEOUT',
    schema: seconds(1, 600),
    range: '1 to 600 seconds',
    help: 'How long the text of one page may take to be recognised.',
    readBy: ['file-processing', 'cli'],
  }),
} as const;

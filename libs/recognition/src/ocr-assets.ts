import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Files that lie beside the bundle in production (`longshore.assets` in package.json), and in packages in development. */
const ASSETS = {
  'tesseract.wasm': 'tesseract.js-core/tesseract-core-simd-lstm.wasm',
  'pdfium.wasm': '@hyzyla/pdfium/pdfium.wasm',
} as const;

const ENGLISH = 'eng.traineddata.gz';
/** No language weighs more than some 30 MB. */
const MAX_LANGUAGE_BYTES = 200 * 1024 * 1024;
const NAME = /^[A-Za-z][\w-]{1,30}$/u;

/** The bytes of a file that ships with the platform. Nothing is ever fetched. */
export function readAsset(name: keyof typeof ASSETS): Buffer {
  return readFileSync(assetPath(name, ASSETS[name]));
}

function assetPath(name: string, inPackage: string): string {
  return import.meta.url.endsWith('.ts')
    ? createRequire(import.meta.url).resolve(inPackage)
    : join(import.meta.dirname, name);
}

/** What the recogniser knows of a language: from the folder of the installation, or English, which ships with the platform. */
export function readLanguage(code: string, folder: string | undefined): Uint8Array | undefined {
  const path = NAME.test(code) ? languagePath(code, folder) : undefined;
  if (path === undefined) return undefined;
  const content = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(content, { maxOutputLength: MAX_LANGUAGE_BYTES }) : content;
}

function languagePath(code: string, folder: string | undefined): string | undefined {
  const names = folder === undefined ? [] : [`${code}.traineddata`, `${code}.traineddata.gz`];
  const own = names.map((name) => join(folder ?? '', name)).find((path) => existsSync(path));
  if (own !== undefined || code !== 'eng') return own;
  return assetPath(ENGLISH, `@tesseract.js-data/eng/4.0.0_best_int/${ENGLISH}`);
}

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What the names of Adobe's tables look like: `UniGB-UCS2-H.bcmap`. */
const NAME = /^[\w-]+\.bcmap$/u;

/** Beside the bundle in production (`longshore.assets` in package.json), in the package in development. */
const folder = import.meta.url.endsWith('.ts')
  ? join(dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json')), 'cmaps')
  : join(import.meta.dirname, 'cmaps');

/**
 * Gives PDF.js the tables by which Chinese, Japanese and Korean letters are known where a file does not hold their fonts: without
 * them such text would be missing. They ship with the platform; nothing is fetched.
 */
export class CharacterMaps {
  async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
    if (kind !== 'cMapUrl' || !NAME.test(filename)) throw new Error(`There is no ${kind} data "${filename}"`);
    return new Uint8Array(await readFile(join(folder, filename)));
  }
}

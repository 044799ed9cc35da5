import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What the names of Adobe's tables look like: `UniGB-UCS2-H.bcmap`. */
const NAME = /^[\w-]+\.bcmap$/u;

/** Beside the bundle in production (`longshore.assets` in package.json), in the package in development. */
const folder = import.meta.url.endsWith('.ts')
  ? join(dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json')), 'cmaps')
  : join(import.meta.dirname, 'cmaps');

/** The tables of one file. */
export interface CharacterMaps {
  /** For PDF.js, which makes one for itself. */
  readonly factory: new () => { fetch(wanted: { kind: string; filename: string }): Promise<Uint8Array> };
  /** Whether the file needed one. */
  readonly asked: () => boolean;
}

/**
 * Gives PDF.js the tables by which Chinese, Japanese and Korean letters are known where a file does not hold their fonts: without
 * them such text would be missing. They ship with the platform; nothing is fetched.
 */
export function createCharacterMaps(): CharacterMaps {
  let asked = false;
  const factory = class {
    async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
      if (kind !== 'cMapUrl' || !NAME.test(filename))
        throw new Error(`There is no ${kind} data "${filename}"`);
      asked = true;
      return new Uint8Array(await readFile(join(folder, filename)));
    }
  };
  return { factory, asked: () => asked };
}

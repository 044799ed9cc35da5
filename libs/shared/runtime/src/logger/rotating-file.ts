import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { makeFolder } from '../files/make-folder.ts';

export interface RotatingFileOptions {
  path: string;
  /** A file that would grow beyond this is put aside first. */
  maxBytes: number;
  /** How many files there are at most, the one written to included. */
  maxFiles: number;
  /** Told of each error; what was to be written is then lost, and the next line tries again. */
  onError: (error: unknown) => void;
}

/**
 * A file that is put aside as `<path>.1`, `.2`, … when it is full. Lines are in the file when `write` returns: the
 * one that says why a process dies is the one most needed. Never emits `error`.
 */
export function rotatingFile({ path, maxBytes, maxFiles, onError }: RotatingFileOptions): Writable {
  let file: { fd: number; size: number } | undefined;

  const open = (): { fd: number; size: number } => {
    makeFolder(dirname(path));
    const fd = openSync(path, 'a', 0o640);
    return { fd, size: fstatSync(fd).size };
  };
  const close = (): void => {
    if (file !== undefined) closeSync(file.fd);
    file = undefined;
  };
  const append = (chunk: Buffer): void => {
    file ??= open();
    if (file.size > 0 && file.size + chunk.length > maxBytes) {
      close();
      putAside(path, maxFiles);
      file = open();
    }
    let written = 0;
    while (written < chunk.length) written += writeSync(file.fd, chunk, written);
    file.size += chunk.length;
  };

  return new Writable({
    decodeStrings: true,
    write: (chunk: Buffer, _encoding, done) => {
      attempt(() => append(chunk), onError);
      done();
    },
    final: (done) => {
      attempt(close, onError);
      done();
    },
  });
}

function attempt(act: () => void, onError: (error: unknown) => void): void {
  try {
    act();
  } catch (error) {
    onError(error);
  }
}

/** `log.3` becomes `log.4`, …, `log` becomes `log.1`; the oldest goes. */
function putAside(path: string, maxFiles: number): void {
  const names = [path, ...Array.from({ length: maxFiles - 1 }, (_, index) => `${path}.${index + 1}`)];
  rmSync(names[maxFiles - 1] as string, { force: true });
  for (let index = maxFiles - 2; index >= 0; index -= 1) {
    try {
      renameSync(names[index] as string, names[index + 1] as string);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

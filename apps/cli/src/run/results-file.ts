import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type FolderLock, lockFolder } from '@longshore/embedded-postgres';
import { jsonSchema } from '@longshore/contracts';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';

/** What became of one file, as it stands in the results. */
export const resultLineSchema = z.object({
  file: z.string(),
  sha256: z.string(),
  status: z.enum(['succeeded', 'failed']),
  output: jsonSchema,
  error: z.string().nullable(),
  /** Null: the platform did not take the file. */
  execution_id: z.uuid().nullable(),
});
export type ResultLine = z.infer<typeof resultLineSchema>;

/** Results of a batch, one JSON line a file. */
export interface ResultsFile {
  /** The line of this file with this content, if it has one. */
  lineOf(file: string, sha256: string): ResultLine | undefined;
  /** Written at once, whole or not at all as far as whoever reads with {@link openResults} is concerned. */
  add(line: ResultLine): void;
  close(): void;
}

/** How each line begins: what was written of one that was cut off can be told from what somebody else wrote. */
const BEGINNING = '{"file":';

/**
 * Opens results to go on with them, or begins new ones. A last line that was half written when somebody was killed is taken out; one that
 * only lacks its end of line is kept.
 * @throws CliError for a file that holds something else, which is left as it is, and when another process writes it
 */
export function openResults(path: string): ResultsFile {
  const lock = hold(path);
  try {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const end = text.lastIndexOf('\n') + 1;
    const lines = new Map(
      text
        .slice(0, end)
        .split('\n')
        .slice(0, -1)
        .map((line, index) => entry(path, line, index)),
    );
    const rest = text.slice(end);
    const last = unfinished(path, rest);
    if (last !== undefined) lines.set(keyOf(last), last);
    const file = openSync(path, 'a');
    if (last !== undefined) writeSync(file, '\n');
    else if (rest !== '') ftruncateSync(file, Buffer.byteLength(text.slice(0, end)));
    return resultsIn(file, { path, lines, lock });
  } catch (error) {
    release(path, lock);
    throw error;
  }
}

function resultsIn(
  file: number,
  { path, lines, lock }: { path: string; lines: Map<string, ResultLine>; lock: FolderLock },
): ResultsFile {
  return {
    lineOf: (name, sha256) => lines.get(keyOf({ file: name, sha256 })),
    add(line) {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
      lines.set(keyOf(line), line);
    },
    close() {
      closeSync(file);
      release(path, lock);
    },
  };
}

const keyOf = ({ file, sha256 }: Pick<ResultLine, 'file' | 'sha256'>) => `${sha256} ${file}`;

function entry(path: string, text: string, index: number): [string, ResultLine] {
  const line = lineIn(text);
  if (line === undefined)
    throw new CliError(
      `${path}:${index + 1} is no result of "longshore run": name another file with -o, it is left as it is.`,
    );
  return [keyOf(line), line];
}

/** What stands behind the last end of line: a result that only lacks its own, or nothing worth keeping. */
function unfinished(path: string, rest: string): ResultLine | undefined {
  const line = lineIn(rest);
  if (line === undefined && !rest.startsWith(BEGINNING) && !BEGINNING.startsWith(rest))
    throw new CliError(`${path} does not end with a result of "longshore run": name another file with -o.`);
  return line;
}

function lineIn(text: string): ResultLine | undefined {
  try {
    return resultLineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Held by the kernel: nothing is left of it that would have to be cleaned up after a kill. */
function hold(path: string): FolderLock {
  try {
    return lockFolder(lockOf(path));
  } catch (error) {
    const isInUse = (error as { problem?: unknown }).problem === 'in_use';
    const message = isInUse
      ? `Another "longshore run" writes ${path}: wait for it, or name another file with -o.`
      : `Nothing can be written beside ${path}: ${(error as Error).message}`;
    throw new CliError(message, { cause: error });
  }
}

function release(path: string, lock: FolderLock): void {
  rmSync(lockOf(path), { recursive: true, force: true });
  lock.release();
}

function lockOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.lock`);
}

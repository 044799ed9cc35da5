import { ApiError } from '@longshore/contracts';
import { runOneFile, sha256Of, type FileMeans } from './run-one-file.ts';
import type { ResultLine, ResultsFile } from './results-file.ts';

/** How far a batch is. */
export interface BatchCounts {
  readonly files: number;
  succeeded: number;
  failed: number;
  /** Of these, how many had their line before. */
  known: number;
  /** Files that could not be read: they have no line. */
  unreadable: number;
  underWay: number;
}

export interface BatchOptions extends FileMeans {
  readonly files: readonly string[];
  readonly results: ResultsFile;
  /** Executions at once. */
  readonly parallel: number;
  /** Nothing new is begun once it fires; what is under way is waited for. */
  readonly stopping: AbortSignal;
  /** Told of each line as it comes, and of files that cannot be read. */
  readonly told: (news: { line?: ResultLine; problem?: string; counts: Readonly<BatchCounts> }) => void;
}

/**
 * Processes files, several at once, each into one line. Files that have their line are left alone.
 * @throws the first error that is not about one file, once nothing is under way
 */
export async function runBatch(options: BatchOptions): Promise<Readonly<BatchCounts>> {
  const { files, parallel, stopping } = options;
  const counts: BatchCounts = {
    ...{ files: files.length, succeeded: 0, failed: 0, known: 0, unreadable: 0, underWay: 0 },
  };
  const failure = new AbortController();
  const waiting = files.values();
  // One iterator for all: each takes the next.
  const lane = async (): Promise<void> => {
    for (const file of waiting) {
      if (stopping.aborted || failure.signal.aborted) return;
      await one(file, options, counts);
    }
  };
  const lanes = Array.from({ length: Math.min(parallel, files.length) }, () =>
    lane().catch((error: unknown) => failure.abort(error)),
  );
  await Promise.all(lanes);
  failure.signal.throwIfAborted();
  return counts;
}

async function one(file: string, options: BatchOptions, counts: BatchCounts): Promise<void> {
  const { results, told } = options;
  const { sha256, reason } = await contentOf(file);
  if (sha256 === undefined) {
    counts.unreadable += 1;
    return told({ problem: `${file} cannot be read: ${reason}`, counts });
  }
  const known = results.lineOf(file, sha256);
  if (known !== undefined) {
    counts.known += 1;
    counts[known.status] += 1;
    return told({ counts });
  }
  counts.underWay += 1;
  try {
    const line = await runOneFile(file, sha256, options);
    results.add(line);
    counts[line.status] += 1;
    counts.underWay -= 1;
    told({ line, counts });
  } catch (error) {
    counts.underWay -= 1;
    const problem = await problemWith(file, sha256, error);
    if (problem === undefined) throw error;
    counts.unreadable += 1;
    told({ problem, counts });
  }
}

async function contentOf(file: string): Promise<{ sha256?: string; reason?: string }> {
  try {
    return { sha256: await sha256Of(file) };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

/** Why there is no line for a file, where that is about what became of it meanwhile; undefined: it is about something else. */
async function problemWith(file: string, sha256: string, error: unknown): Promise<string | undefined> {
  const now = await contentOf(file);
  if (now.sha256 === undefined) return `${file} cannot be read any more: ${now.reason}`;
  const isConflict = error instanceof ApiError && error.status === 409;
  return isConflict || now.sha256 !== sha256
    ? `${file} was changed while it was sent: run it again`
    : undefined;
}

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChaosFile, type ChaosPipeline, makeFiles } from './documents.ts';
import type { LedgerEntry } from './ledger.ts';
import { follow, type LoadOptions, post } from './load.ts';
import { createRandom } from './random.ts';

/** An execution of a pipeline, and the pipeline. */
export interface PipelineEntry extends LedgerEntry {
  readonly pipeline: ChaosPipeline;
}

export interface PipelineLoadOptions extends Omit<LoadOptions, 'entries'> {
  pipelines: readonly ChaosPipeline[];
  /** Every entry is put here before its request is sent. */
  entries: PipelineEntry[];
}

/**
 * One client for each pipeline. It puts new files into the source, runs the pipeline, follows that to its end, and does so
 * again: what was delivered before must be skipped. Resolves when all have ended or were given up.
 */
export async function drivePipelines(options: PipelineLoadOptions): Promise<void> {
  await Promise.all(options.pipelines.map((pipeline) => runClient(pipeline, options)));
}

async function runClient(pipeline: ChaosPipeline, options: PipelineLoadOptions): Promise<void> {
  const { api, clock, entries, until, giveUp, seed, pipelines } = options;
  const delivered: LedgerEntry['files'][number][] = [];
  for (let round = 0; !until.aborted; round += 1) {
    const tag = `${pipeline.id}-${round}`;
    const random = createRandom(
      seed ^ Math.imul(round * pipelines.length + pipelines.indexOf(pipeline) + 1, 0x85ebca6b),
    );
    const files = makeFiles(tag, random).filter(({ output }) => output !== undefined);
    if (files.length === 0) continue;
    await Promise.all(files.map((file) => put(file, pipeline.source)));
    const expected = files.map(({ name, output }) => ({ name, output }));
    const postedAt = clock.monotonic();
    const all = [...delivered, ...expected];
    const entry: PipelineEntry = { tag, pipeline, files: all, postedAt, executionIds: [], samples: [] };
    entries.push(entry);
    await post(entry, () => api.runPipeline({ key: tag, pipelineId: pipeline.id }), { clock, giveUp });
    if (entry.executionIds.length > 0) await follow(entry, { api, clock, giveUp });
    delivered.push(...expected.map((file) => ({ ...file, wasDelivered: true })));
    await clock.sleep(random.between(50, 600), until).catch(() => undefined);
  }
}

/** A file whose name begins with a dot is not seen: it is renamed when it is complete. */
async function put({ name, content }: ChaosFile, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const hidden = join(folder, `.${name}`);
  await writeFile(hidden, content);
  await rename(hidden, join(folder, name));
}

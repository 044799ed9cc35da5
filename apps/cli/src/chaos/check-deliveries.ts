import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Violation, violation } from './check-ledger.ts';
import type { PipelineEntry } from './pipeline-load.ts';

/**
 * Holds what lies in the folders that are destinations against what was put into the sources: each file is delivered, with what stands in it, by
 * the execution that it was put there for and by no later one; nothing else lies there.
 */
export async function checkDeliveries(entries: readonly PipelineEntry[]): Promise<Violation[]> {
  const byPipeline = Map.groupBy(entries, ({ pipeline }) => pipeline.destination);
  const found = await Promise.all(
    [...byPipeline].map(async ([destination, own]) =>
      'folder' in destination ? checkFolder(destination.folder, own) : [],
    ),
  );
  return found.flat();
}

async function checkFolder(destination: string, entries: readonly PipelineEntry[]): Promise<Violation[]> {
  const names = await readdir(destination).catch(() => []);
  const there = new Set(names.filter((name) => !name.startsWith('.')));
  const expected = entries.flatMap((entry) =>
    entry.files.filter(({ wasDelivered }) => !wasDelivered).map((file) => ({ entry, file })),
  );
  const known = new Set(expected.map(({ file }) => `${file.name}.json`));
  const strange = [...there].filter((name) => !known.has(name));
  const checked = await Promise.all(
    expected.map(({ entry, file }) => checkFile(entry, file, { destination, there })),
  );
  return [
    ...checked.flat(),
    ...strange.map((name) => violation('foreign', name, 'nobody put it into the source')),
  ];
}

interface Delivered {
  readonly execution_id: string;
  readonly output: unknown;
}

async function checkFile(
  { executionIds, tag }: PipelineEntry,
  { name, output }: PipelineEntry['files'][number],
  { destination, there }: { destination: string; there: ReadonlySet<string> },
): Promise<Violation[]> {
  const about = executionIds[0] ?? tag;
  if (!there.has(`${name}.json`)) return [violation('lost', about, `${name} was not delivered`)];
  const text = await readFile(join(destination, `${name}.json`), 'utf8');
  const delivered = JSON.parse(text) as Delivered;
  const twice =
    delivered.execution_id === about
      ? []
      : [violation('doubled', about, `${name} was delivered by ${delivered.execution_id}`)];
  const wrong = isDeepStrictEqual(delivered.output, output)
    ? []
    : [violation('wrong', about, `${name} was delivered as ${JSON.stringify(delivered.output)}`)];
  return [...twice, ...wrong];
}

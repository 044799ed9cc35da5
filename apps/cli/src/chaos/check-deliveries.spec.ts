import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { checkDeliveries } from './check-deliveries.ts';
import type { PipelineEntry } from './pipeline-load.ts';

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** A pipeline that was run twice with a new file each time; what lies in its destination is what each test says. */
function setup(delivered: Record<string, { execution_id: string; output: unknown }>) {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-deliveries-'));
  folders.push(folder);
  const destination = join(folder, 'out');
  mkdirSync(destination);
  for (const [name, document] of Object.entries(delivered))
    writeFileSync(join(destination, name), JSON.stringify(document));
  const pipeline = { id: 'p', source: join(folder, 'in'), destination: { folder: destination } };
  const [one, two] = [
    { name: 'one.txt', output: { number: '1', total: 1 } },
    { name: 'two.txt', output: { number: '2', total: 2 } },
  ];
  const entry = (tag: string, files: PipelineEntry['files']): PipelineEntry => {
    return { tag, pipeline, files, postedAt: 0, executionIds: [`execution-${tag}`], samples: [] };
  };
  return [entry('a', [one]), entry('b', [{ ...one, wasDelivered: true }, two])];
}

const one = { execution_id: 'execution-a', output: { number: '1', total: 1 } };
const two = { execution_id: 'execution-b', output: { number: '2', total: 2 } };
const kinds = (found: readonly { kind: string }[]): string[] => found.map(({ kind }) => kind);

describe('what lies in the destinations', () => {
  it('is right when each file was delivered by the execution it was put there for', async () => {
    expect(await checkDeliveries(setup({ 'one.txt.json': one, 'two.txt.json': two }))).toEqual([]);
  });

  it('shows a file that was not delivered', async () => {
    expect(kinds(await checkDeliveries(setup({ 'one.txt.json': one })))).toEqual(['lost']);
  });

  it('shows a file that a later execution delivered again', async () => {
    const again = { ...one, execution_id: 'execution-b' };
    expect(await checkDeliveries(setup({ 'one.txt.json': again, 'two.txt.json': two }))).toMatchObject([
      { kind: 'doubled', about: 'execution-a' },
    ]);
  });

  it('shows what is wrong in a document, and documents that nobody asked for', async () => {
    const wrong = { ...two, output: { number: '2', total: 3 } };
    const files = { 'one.txt.json': one, 'two.txt.json': wrong, 'three.txt.json': two };
    expect(kinds(await checkDeliveries(setup(files)))).toEqual(['wrong', 'foreign']);
  });
});

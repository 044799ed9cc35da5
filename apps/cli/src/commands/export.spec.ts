import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { parseApplyFile } from '../apply/read-apply-file.ts';
import { addExport } from './export.ts';

const deployment = { kind: 'deployment', api_name: 'd', workflow: 'w' };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** The command against a platform that answers with this. */
async function setup(answer: object) {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ url }, response) => {
    asked.push(url);
    response.setHeader('Connection', 'close').end(JSON.stringify(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [out, err]: [string[], string[]] = [[], []];
  const program = new Command().exitOverride();
  addExport(program, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
  });
  const run = (...flags: string[]) =>
    program.parseAsync(['export', '--url', url, '--admin-key', 'k', ...flags], { from: 'user' });
  return { run, asked, out, err };
}

describe('longshore export', () => {
  it('prints the documents of an organisation', async () => {
    const { run, asked, out } = await setup({
      workflows: [],
      deployments: [{ version: 2, document: deployment }],
      pipelines: [],
    });
    await run('--organisation', 'acme co');
    expect(asked).toEqual(['/api/v1/export?organisation=acme+co']);
    expect(parseApplyFile('x.yaml', out.join('\n')).documents).toEqual([deployment]);
  });

  it('writes them into a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longshore-export-'));
    const file = join(folder, 'all.yaml');
    const { run, out, err } = await setup({
      workflows: [],
      deployments: [{ version: 2, document: deployment }],
      pipelines: [],
    });
    await run('-o', file, '--org', 'acme');
    expect([out, err]).toEqual([[], [`Wrote 1 document to ${file}.`]]);
    expect(parseApplyFile(file, await readFile(file, 'utf8')).documents).toEqual([deployment]);
    await rm(folder, { recursive: true });
  });

  it('tells them, or what it wrote, as JSON', async () => {
    const answer = { workflows: [], deployments: [{ version: 2, document: deployment }], pipelines: [] };
    const folder = await mkdtemp(join(tmpdir(), 'longshore-export-'));
    const file = join(folder, 'all.yaml');
    const { run, out, err } = await setup(answer);
    await run('--json');
    await run('-o', file, '--json');
    expect(out.map((line) => JSON.parse(line))).toEqual([
      { ...answer, schedules: [] },
      { file, documents: 1 },
    ]);
    expect(err).toEqual([]);
    expect(parseApplyFile(file, await readFile(file, 'utf8')).documents).toEqual([deployment]);
    await rm(folder, { recursive: true });
  });

  it('says that there is nothing', async () => {
    const { run } = await setup({ workflows: [], deployments: [], pipelines: [] });
    await expect(run()).rejects.toThrow('The organisation default has nothing to export.');
  });
});

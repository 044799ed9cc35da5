import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type FileResult, routes } from '@longshore/contracts';
import { createPlatformClient } from '../client/platform-client.ts';
import {
  cleanUp,
  processIds,
  runCommand,
  spawnCommand,
  startUp,
  temporaryHome,
} from '../running-command.fixture.ts';

const SAMPLES = join(import.meta.dirname, '..', '..', '..', '..', 'samples');
const DOCUMENTS = readdirSync(SAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isFile() && !/^README|\.ya?ml$/i.test(entry.name))
  .map(({ name }) => name);
const SOUND = DOCUMENTS.filter((name) => !name.startsWith('cut-off'));
const inSamples = (names: readonly string[]): string[] => names.map((name) => join(SAMPLES, name));

afterEach(cleanUp);

function demoFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('longshore-demo-'));
}

describe('longshore demo', () => {
  it('shows what is in the sample documents and why one fails, and leaves nothing but the result', async () => {
    const home = temporaryHome();
    const before = demoFolders();
    const { code, out, err } = await runCommand(['demo'], { home });
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('Sending') });
    expect(out).toContain('invoice_number');
    for (const name of SOUND) expect(out).toContain(name);
    expect(out).toMatch(/1 file failed:\n {2}cut-off-on-its-way\.pdf: \S+/);
    const results = JSON.parse(readFileSync(join(home, 'demo-result.json'), 'utf8')) as FileResult[];
    expect(results.map(({ file }) => file)).toEqual([...DOCUMENTS].sort());
    expect(demoFolders().filter((name) => !before.includes(name))).toEqual([]);
    expect(readdirSync(home)).toEqual(['demo-result.json']);
  });

  it('says what is wrong, and leaves nothing, when it is interrupted', async () => {
    const home = temporaryHome();
    const before = demoFolders();
    const demo = spawnCommand(['demo'], { home });
    while (!demo.told.err.includes('Sending'))
      await new Promise((resolve) => demo.child.stderr.once('data', resolve));
    demo.child.kill('SIGINT');
    expect(await demo.ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('The demo was stopped by SIGINT.'),
    });
    expect(demoFolders().filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe('a whole platform', () => {
  it('takes documents from the command line', async () => {
    const home = temporaryHome();
    const { ready } = await startUp([], { home });
    expect(await runCommand(['apply', '-f', join(SAMPLES, 'invoices.yaml')], { home })).toEqual({
      code: 0,
      out: 'workflow invoices created (version 1)\ndeployment invoices created (runs version 1)\n',
      err: '',
    });
    const workers = await runCommand(['workers'], { home });
    for (const name of ['api-deployment', 'general', 'file-processing', 'callback'])
      expect(workers.out).toContain(name);
    const { code, out } = await runCommand(['submit', 'invoices', ...inSamples(SOUND), '--wait'], { home });
    expect(code).toBe(0);
    for (const name of SOUND) expect(out).toContain(name);
    const broken = await runCommand(
      ['submit', 'invoices', join(SAMPLES, 'cut-off-on-its-way.pdf'), '--wait'],
      { home },
    );
    expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('ended as ERROR') });
    expect((await runCommand(['queues'], { home })).out).toMatch(/api_\w+ /);
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('finishes what it had accepted after every process was killed', async () => {
    const home = temporaryHome();
    const first = await startUp([], { home });
    await runCommand(['apply', '-f', join(SAMPLES, 'invoices.yaml')], { home });
    const submitted = await runCommand(['submit', 'invoices', ...inSamples(SOUND)], { home });
    const postmaster = Number(
      readFileSync(join(home, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
    );
    for (const pid of [...processIds(home), postmaster]) process.kill(pid, 'SIGKILL');
    await first.ended;
    const { ready } = await startUp([], { home });
    const client = createPlatformClient({ url: ready.url, key: ready.api_key });
    const id = submitted.out.trim();
    for (;;) {
      const detail = await client.call(routes.execution, { params: { id } });
      if (detail.status !== 'PENDING' && detail.status !== 'EXECUTING') {
        expect(detail).toMatchObject({
          status: 'COMPLETED',
          successful_files: SOUND.length,
          failed_files: 0,
        });
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ExecutionDetail, routes } from '@longshore/contracts';
import { createPlatformClient } from '../client/platform-client.ts';
import { cleanUp, type Ready, runCommand, startUp, temporaryHome } from '../running-command.fixture.ts';

afterEach(cleanUp);

/** A sound PDF of so many full pages of text; 2,000 of them, the most that is allowed, are work for a long time. */
function longPdf(pages: number): string {
  const words = Array.from({ length: 400 }, (_, line) => `(Line ${line} of many words) Tj 0 -1.9 Td`).join(
    ' ',
  );
  const content = `BT /F 2 Tf 36 780 Td ${words} ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages} /Kids [${Array.from({ length: pages }, (_, page) => `${5 + page} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ...Array<string>(pages).fill(
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F 3 0 R >> >> /Contents 4 0 R >>',
    ),
  ];
  let text = '%PDF-1.4\n';
  const places = objects.map((object, index) => {
    const place = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.join('')}`;
  return `${text}${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF`;
}

const APPLIED = [
  'kind: workflow\nname: reading\nsteps:\n  - read: { max_seconds: 600 }\n',
  'kind: deployment\napi_name: reading\nworkflow: reading\n',
].join('---\n');

/** The number of slots in use, as the file-processing worker itself says. */
async function busySlots({ url, admin_key: key }: Ready): Promise<() => Promise<number>> {
  const { pools } = await createPlatformClient({ url, key }).call(routes.workers);
  const port = pools.find(({ worker }) => worker === 'file-processing')!.sessions[0]!.health_port!;
  return async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    return ((await answer.json()) as { active_tasks: number }).active_tasks;
  };
}

async function until(probe: () => Promise<boolean>): Promise<void> {
  while (!(await probe())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('longshore cancel', () => {
  it('frees the slot of a worker that is at a long file within 2 s, and the worker works on', async () => {
    const home = temporaryHome();
    const { ready } = await startUp(['--without', 'general'], { home });
    const [sheet, long, short] = ['w.yaml', 'long.pdf', 'short.pdf'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(sheet, APPLIED);
    writeFileSync(long, longPdf(2_000), 'latin1');
    writeFileSync(short, longPdf(1), 'latin1');
    expect((await runCommand(['apply', '-f', sheet], { home })).code).toBe(0);
    const busy = await busySlots(ready);
    const id = (await runCommand(['submit', 'reading', long, short], { home })).out.trim();

    const client = createPlatformClient({ url: ready.url, key: ready.api_key });
    const read = (): Promise<ExecutionDetail> => client.call(routes.execution, { params: { id } });
    await until(async () => {
      const { files } = await read();
      return files[0]!.state === 'running' && files[1]!.state === 'succeeded' && (await busy()) === 1;
    });
    const since = performance.now();
    expect(await client.call(routes.cancelExecution, { params: { id } })).toEqual({
      execution_id: id,
      status: 'STOPPED',
    });
    const answeredMs = performance.now() - since;
    await until(async () => (await busy()) === 0);
    const freeMs = performance.now() - since;
    process.stderr.write(
      `cancel answered in ${Math.round(answeredMs)} ms, the slot was free after ${Math.round(freeMs)} ms\n`,
    );
    expect(freeMs).toBeLessThan(2_000);

    expect(await read()).toMatchObject({
      status: 'STOPPED',
      files: [{ state: 'cancelled' }, { state: 'succeeded' }],
      result: [{ file: 'short.pdf', status: 'Success' }],
    });
    expect(await runCommand(['cancel', id], { home })).toMatchObject({ code: 0, out: `${id} STOPPED\n` });
    expect(await runCommand(['submit', 'reading', short, '--wait'], { home })).toMatchObject({ code: 0 });
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { deflateSync } from 'node:zlib';
import type { WorkflowDefinition } from '@longshore/contracts';
import { createReadingPool, type ReadingPool, type ReadingPoolOptions } from './reading-pool.ts';

/** Small texts are read without a thread. */
const FOR_A_THREAD = 20_000;

const definition: WorkflowDefinition = {
  steps: [
    { read: {} },
    { extract: { fields: { number: { type: 'string', required: true, label: 'Invoice No' } } } },
  ],
};

const open: ReadingPool[] = [];

function setup(options: Partial<ReadingPoolOptions> = {}): ReadingPool {
  const pool = createReadingPool({ threads: 1, ...options });
  open.push(pool);
  return pool;
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** A PDF of its own making, so that its size and its streams are exactly as wanted. */
function pdfOf(streams: readonly Buffer[], filter = ''): Uint8Array {
  const kids = streams.map((_, index) => `${4 + index * 2} 0 R`).join(' ');
  const objects: Buffer[] = [
    Buffer.from('<</Type/Catalog/Pages 2 0 R>>'),
    Buffer.from(`<</Type/Pages/Kids[${kids}]/Count ${streams.length}>>`),
    Buffer.from('<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'),
  ];
  for (const [index, stream] of streams.entries()) {
    const resources = '/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>';
    objects.push(Buffer.from(`<</Type/Page/Parent 2 0 R${resources}/Contents ${5 + index * 2} 0 R>>`));
    const head = Buffer.from(`<</Length ${stream.length}${filter}>>stream\n`);
    objects.push(Buffer.concat([head, stream, Buffer.from('\nendstream')]));
  }
  return assemblePdf(objects);
}

function assemblePdf(objects: readonly Buffer[]): Uint8Array {
  const parts = [Buffer.from('%PDF-1.7\n')];
  let length = 9;
  const offsets: number[] = [];
  for (const [index, object] of objects.entries()) {
    const part = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    offsets.push(length);
    length += part.length;
    parts.push(part);
  }
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  parts.push(Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${entries}`));
  parts.push(Buffer.from(`trailer<</Size ${size}/Root 1 0 R>>\nstartxref\n${length}\n%%EOF\n`));
  return new Uint8Array(Buffer.concat(parts));
}

function longPdf(pages: number): Uint8Array {
  const page = (number: number) => {
    const lines = Array.from(
      { length: 45 },
      (_, line) => `(Line ${line} of page ${number}, the berth is taken by ship ${line}.) Tj 0 -15 Td`,
    );
    return Buffer.from(`BT /F1 10 Tf 60 780 Td ${lines.join(' ')} (Invoice No: LONG-${number}) Tj ET`);
  };
  return pdfOf(Array.from({ length: pages }, (_, index) => page(index + 1)));
}

/** Each page has a font of its own, which the file only names. */
function pdfOfNamedFonts(pages: number): Uint8Array {
  const text = 'BT /F1 12 Tf 50 700 Td <53D1796853F77801> Tj ET';
  const page = (at: number) => [
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 ${at + 2} 0 R>>>>/Contents ${at + 1} 0 R>>`,
    `<</Length ${text.length}>>stream\n${text}\nendstream`,
    `<</Type/Font/Subtype/Type0/BaseFont/Song/Encoding/UniGB-UCS2-H/DescendantFonts[${at + 3} 0 R]>>`,
    '<</Type/Font/Subtype/CIDFontType0/BaseFont/Song/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>',
  ];
  const numbers = Array.from({ length: pages }, (_, index) => 3 + index * 4);
  const kids = numbers.map((number) => `${number} 0 R`).join(' ');
  const head = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Kids[${kids}]/Count ${pages}>>`];
  return assemblePdf([...head, ...numbers.flatMap(page)].map((object) => Buffer.from(object)));
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

describe('a reading pool', () => {
  it('reads a file and structures it', async () => {
    const result = await setup().process(text('Invoice No: A-17'), {
      name: 'a.txt',
      definition,
      includeText: true,
    });
    expect(result).toMatchObject({
      output: { number: 'A-17' },
      problems: [],
      document: { kind: 'txt', mediaType: 'text/plain', pageCount: 1, characters: 16, warnings: [] },
      text: 'Invoice No: A-17',
    });
  });

  it('leaves the text out unless it is asked for', async () => {
    const result = await setup().process(text('Invoice No: A-17'), { name: 'a.txt', definition });
    expect(result.text).toBeUndefined();
  });

  it('keeps files of different definitions apart on one thread', async () => {
    const pool = setup();
    const ask = (label: string) => {
      const fields = { value: { type: 'string' as const, label } };
      const other: WorkflowDefinition = { steps: [{ read: {} }, { extract: { fields } }] };
      return pool.process(text('One: 1\nTwo: 2\n'), { name: 'a.txt', definition: other });
    };
    const results = await Promise.all(['One', 'Two', 'One', 'Two'].map(ask));
    expect(results.map(({ output }) => output['value'])).toEqual(['1', '2', '1', '2']);
  });

  it('still knows its workflow after more definitions than a thread keeps', async () => {
    const pool = setup();
    for (let index = 0; index < 150; index += 1) {
      const definitionId = `definition-${index % 70}`;
      const result = await pool.process(text('Invoice No: A-17'), {
        name: 'a.txt',
        definition,
        definitionId,
      });
      expect(result.output).toEqual({ number: 'A-17' });
    }
  });

  it('neither detaches nor leaks what shares memory with the bytes', async () => {
    const shared = Buffer.concat([Buffer.from('secret'), Buffer.from('Invoice No: A-17')]);
    const pool = setup();
    const options = { name: 'a.txt', definition, includeText: true };
    const result = await pool.process(shared.subarray(6), options);
    expect(result.text).toBe('Invoice No: A-17');
    expect(shared.toString()).toBe('secretInvoice No: A-17');
  });

  it('hands a large file over instead of copying it', async () => {
    const bytes = text(`Invoice No: A-17\n${'x'.repeat(100_000)}`);
    const reading = setup().process(bytes, { name: 'a.txt', definition });
    await reading;
    expect(bytes.byteLength).toBe(0);
  });

  it('leaves the main loop free while it reads 600 pages', async () => {
    const pool = setup();
    await pool.process(text('Invoice No: warm'), { name: 'a.txt', definition });
    const bytes = longPdf(600);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const result = await pool.process(bytes, { name: 'long.pdf', definition });
    delay.disable();
    expect(result.document.pageCount).toBe(600);
    // Relative, for on a loaded machine any loop stands still now and then, and reading takes longer too.
    expect(delay.max / 1e6).toBeLessThan(result.elapsedMs / 2);
  });
});

describe('a file that cannot be read', () => {
  it('is told apart with its reason, and the thread goes on', async () => {
    const pool = setup();
    const reading = pool.process(text(''), { name: 'a.txt', definition });
    await expect(reading).rejects.toMatchObject({
      reason: 'unreadable',
      detail: 'empty',
      message: 'The file is empty.',
    });
    const next = await pool.process(text('Invoice No: A-17'), { name: 'a.txt', definition });
    expect(next.output).toEqual({ number: 'A-17' });
  });

  it('ends on time, and another thread takes the next file', async () => {
    const pool = setup({ limits: { maxMs: 100 } });
    const slow = pool.process(longPdf(600), { name: 'long.pdf', definition });
    const next = pool.process(text('Invoice No: A-17'), { name: 'a.txt', definition });
    await expect(slow).rejects.toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('0.1 seconds'),
    });
    expect((await next).output).toEqual({ number: 'A-17' });
  });

  it('obeys the shorter time of its workflow', async () => {
    const hasty: WorkflowDefinition = { steps: [{ read: { max_seconds: 0.1 } }] };
    const slow = setup().process(longPdf(600), { name: 'long.pdf', definition: hasty });
    await expect(slow).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('is stopped by a signal, before and while it is read', async () => {
    const pool = setup();
    const first = new AbortController();
    const second = new AbortController();
    const running = pool.process(longPdf(600), { name: 'long.pdf', definition, signal: first.signal });
    const queued = pool.process(text('x'.repeat(FOR_A_THREAD)), {
      name: 'a.txt',
      definition,
      signal: second.signal,
    });
    second.abort();
    await expect(queued).rejects.toMatchObject({ reason: 'aborted' });
    setTimeout(() => first.abort(), 50);
    await expect(running).rejects.toMatchObject({ reason: 'aborted' });
    const late = pool.process(text('x'.repeat(FOR_A_THREAD)), {
      name: 'a.txt',
      definition,
      signal: first.signal,
    });
    await expect(late).rejects.toMatchObject({ reason: 'aborted' });
  });

  it('ends when it needs more heap than is allowed', async () => {
    // Of 16 MiB the reader itself takes most, so the heap ends well before the bound on pieces is met.
    const pool = setup({ limits: { maxHeapMb: 16 } });
    const greedy = text(`Invoice No: A-17${'\nx'.repeat(1_000_000)}`);
    const reading = pool.process(greedy, { name: 'a.txt', definition });
    const next = pool.process(text('Invoice No: A-17'), { name: 'a.txt', definition });
    await expect(reading).rejects.toMatchObject({ reason: 'memory' });
    expect((await next).output).toEqual({ number: 'A-17' });
  });

  it('needs no more heap for many fonts than for the last of them', async () => {
    const pool = setup({ limits: { maxHeapMb: 192 } });
    const options = { name: 'merged.pdf', definition: { steps: [{ read: {} }] }, includeText: true };
    const { document, text: read = '' } = await pool.process(pdfOfNamedFonts(100), options);
    expect([document.pageCount, read.match(/发票号码/gu)?.length]).toEqual([100, 100]);
  });

  it('is refused before it is parsed when its values would not fit the heap', async () => {
    const greedy = text(`[${'{},'.repeat(1_000_000)}{}]`);
    const reading = setup({ limits: { maxHeapMb: 64 } }).process(greedy, { name: 'a.json', definition });
    await expect(reading).rejects.toMatchObject({ reason: 'unreadable', detail: 'too_large' });
  });

  it('ends when a packed stream unpacks beyond its memory', async () => {
    const bomb = deflateSync(Buffer.alloc(256 * 1024 * 1024, ' '), { level: 1 });
    const pool = setup({ limits: { maxExternalMb: 64 } });
    const reading = pool.process(pdfOf([bomb], '/Filter/FlateDecode'), { name: 'bomb.pdf', definition });
    await expect(reading).rejects.toMatchObject({ reason: 'memory' });
  });

  it('is not blamed for a definition that does not compile', async () => {
    const broken: WorkflowDefinition = {
      steps: [{ read: {} }, { extract: { fields: { a: { type: 'string', json_path: '$.[' } } } }],
    };
    const reading = setup().process(text('x'.repeat(FOR_A_THREAD)), { name: 'a.txt', definition: broken });
    await expect(reading).rejects.toMatchObject({ reason: 'bad_definition' });
  });

  it('fails as closed when the pool closes under it', async () => {
    const pool = setup();
    const running = pool.process(longPdf(600), { name: 'long.pdf', definition });
    const queued = pool.process(text('x'.repeat(FOR_A_THREAD)), { name: 'a.txt', definition });
    const outcomes = Promise.allSettled([running, queued]);
    await pool.close();
    expect(await outcomes).toMatchObject([
      { reason: { reason: 'closed' } },
      { reason: { reason: 'closed' } },
    ]);
    await expect(
      pool.process(text('x'.repeat(FOR_A_THREAD)), { name: 'a.txt', definition }),
    ).rejects.toMatchObject({
      reason: 'closed',
    });
  });
});

describe('a workflow with expressions', () => {
  const ENDLESS = '($f := function($n) { $f($n + 1) }; $f(1))';
  const computing = (compute: string, read: object = {}) =>
    ({
      steps: [{ read }, { extract: { fields: { it: { type: 'string', compute } } } }],
    }) as WorkflowDefinition;

  it('hears of the name of the file and of what the request said', async () => {
    const definition = computing('$file.name & " for " & $custom_data.customer');
    const result = await setup().process(text('x'), {
      ...{ name: 'a.txt', definition, customData: { customer: 'Acme' } },
    });
    expect(result).toMatchObject({ output: { it: 'a.txt for Acme' }, problems: [] });
  });

  it('never runs on the main thread, small as the text may be; an endless one fails its file alone', async () => {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    const pool = setup();
    await pool.process(text('x'), { name: 'a.txt', definition: computing('"warm"') });
    delay.enable();
    const endless = pool.process(text('x'), { name: 'a.txt', definition: computing(ENDLESS) });
    await expect(endless).resolves.toMatchObject({
      output: {},
      problems: [
        { field: 'it', reason: 'limit', outcome: 'fail', message: expect.stringContaining('2 seconds') },
      ],
    });
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(1000);
    const next = await pool.process(text('x'), { name: 'a.txt', definition: computing('"still here"') });
    expect(next.output).toEqual({ it: 'still here' });
  });

  it('ends with its thread when the file may have less time than that', async () => {
    const definition = computing(ENDLESS, { max_seconds: 0.3 });
    const read = setup().process(text('x'), { name: 'a.txt', definition });
    await expect(read).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('that builds something huge fails its file, and never the process', async () => {
    const pool = setup();
    for (const huge of [
      '$split($pad("", 100000000, "x"), "")',
      '$encodeUrlComponent($pad("", 300000000, "ü"))',
    ]) {
      const { problems } = await pool.process(text('x'), {
        name: 'a.txt',
        definition: computing(`$count(${huge})`),
      });
      expect(problems).toMatchObject([{ field: 'it', reason: 'limit', outcome: 'fail' }]);
    }
  });
});

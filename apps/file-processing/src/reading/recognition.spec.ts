import { afterEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { WorkflowDefinition } from '@longshore/contracts';
import type { OcrSettings } from '@longshore/recognition';
import { createReadingPool, type ReadingPool } from './reading-pool.ts';

const SCANS = new URL('../../../../libs/recognition/src/fixtures/', import.meta.url);

const ORIGINAL =
  'Quayside Chandlery Invoice No: QC-2026-0117 Invoice date: 1 March 2026 Customer: Harbour Lights Ltd Paid: No ' +
  'Description Qty Unit price Amount Mooring rope 24 mm 6 48.90 293.40 Fender, cylindrical 12 55.00 660.00 ' +
  'Deck paint, grey 10 33.00 330.00 Total due 1,283.40';

const UPPER_PART = ORIGINAL.slice(0, ORIGINAL.indexOf(' Description'));

const definition: WorkflowDefinition = {
  steps: [
    { read: {} },
    {
      extract: {
        fields: {
          number: { type: 'string', label: 'Invoice No' },
          total: { type: 'number', label: 'Total due' },
          items: {
            type: 'table',
            columns: {
              what: { heading: 'Description', type: 'string' },
              amount: { heading: 'Amount', type: 'number' },
            },
          },
        },
      },
    },
  ],
};

const open: ReadingPool[] = [];

function setup(settings: Partial<OcrSettings> = {}, limits = {}): ReadingPool {
  const ocr = { languages: ['eng'], folder: undefined, maxPageMs: 60_000, maxMemoryMb: 768, maxPixels: 4e7 };
  const pool = createReadingPool({ threads: 1, limits, ocr: { ...ocr, ...settings } });
  open.push(pool);
  return pool;
}

async function scan(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(name, SCANS)));
}

const process = async (pool: ReadingPool, name: string, signal?: AbortSignal) =>
  pool.process(await scan(name), { name, definition, includeText: true, signal });

/** The part of the words of the original that were recognised. */
function recall(text: string, original = ORIGINAL): number {
  const found = new Set(text.split(/\s+/u));
  const wanted = original.split(' ');
  return wanted.filter((word) => found.has(word)).length / wanted.length;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

describe('a scan', () => {
  it('in a PDF is read by its words and their places, within a time of its own', async () => {
    const { text = '', output, document } = await process(setup({}, { maxMs: 20_000 }), 'scan.pdf');
    expect(recall(text)).toBeGreaterThanOrEqual(0.95);
    expect(output).toEqual({
      number: 'QC-2026-0117',
      total: 1283.4,
      items: [
        { what: 'Mooring rope 24 mm', amount: 293.4 },
        { what: 'Fender, cylindrical', amount: 660 },
        { what: 'Deck paint, grey', amount: 330 },
      ],
    });
    expect(document).toMatchObject({ kind: 'pdf', pageCount: 1, warnings: [] });
  });

  it('of a fax has at least 0.95 of its words', async () => {
    const { text = '', output } = await process(setup(), 'scan-fax.tif');
    expect(recall(text)).toBeGreaterThanOrEqual(0.95);
    expect(output).toMatchObject({ number: 'QC-2026-0117', total: 1283.4 });
  });

  it('that lies on its side is turned', async () => {
    const { text = '', output } = await process(setup(), 'scan-turned.png');
    expect(recall(text, UPPER_PART)).toBeGreaterThanOrEqual(0.9);
    expect(output).toMatchObject({ number: 'QC-2026-0117' });
  });
});

describe('recognition ends', () => {
  it('on time for a page, with the reason', async () => {
    await expect(process(setup({ maxPageMs: 1 }), 'scan.png')).rejects.toMatchObject({
      ...{ reason: 'unreadable', detail: 'not_recognised' },
      message: 'Page 1 cannot be recognised: it takes longer than the allowed 0.001 seconds.',
    });
  });

  it('when it needs more memory than is allowed', async () => {
    await expect(process(setup({ maxMemoryMb: 1 }), 'scan.png')).rejects.toMatchObject({
      message: 'Page 1 cannot be recognised: it needs more memory than is allowed.',
    });
  });

  it('with the time of its workflow', async () => {
    const hasty: WorkflowDefinition = { steps: [{ read: { max_seconds: 0.1 } }] };
    const reading = setup().process(await scan('scan.png'), { name: 'scan.png', definition: hasty });
    await expect(reading).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('when its caller gives up', async () => {
    const controller = new AbortController();
    const reading = process(setup(), 'scan.png', controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(reading).rejects.toMatchObject({ reason: 'aborted' });
  });

  it('before it begins for a picture that is too large, cut off, or in a language that is not there', async () => {
    await expect(process(setup({}, { maxPixels: 1000 }), 'scan.png')).rejects.toMatchObject({
      detail: 'too_large',
    });
    const half = (await scan('scan.png')).slice(0, 3000);
    await expect(setup().process(half, { name: 'a.png', definition })).rejects.toMatchObject({
      detail: 'corrupt',
    });
    await expect(process(setup({ languages: ['../eng'] }), 'scan.gif')).rejects.toMatchObject({
      message: expect.stringContaining('the language "../eng" is not installed'),
    });
  });
});

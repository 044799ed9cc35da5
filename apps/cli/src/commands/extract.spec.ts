import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { workflowDefinitionSchema } from '@longshore/contracts';
import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { createExtractor, DEFAULT_EXTRACT_LIMITS } from '../extract/extractor.ts';
import type { Terminal } from '../output/terminal.ts';
import { addExtract } from './extract.ts';

const WORKFLOW = `
kind: workflow
name: invoices
steps:
  - read: {}
  - extract:
      locale: de
      fields:
        number: { type: string, required: true, label: [Rechnungsnummer, Rechnungs-Nr] }
        date: { type: date, label: Datum }
        total: { type: number, required: true, label: Summe }
        due: { type: date, required: true, label: Fälligkeit }
        lines: { type: table, columns: { item: Artikel, price: { heading: Preis, type: number } } }
---
kind: workflow
name: others
steps: [{ read: {} }]
`;
const WHOLE = `Rechnungs-Nr: A-17
Datum: 3. Februar 2026
Fälligkeit: 03.03.2026

Artikel      Menge     Preis
Tauwerk          2     97,80
Farbe            1    150,00
Summe                 247,80 EUR
Summe netto: 200,00
`;
const LACKING = 'Rechnungsnr.: A-18\nSumme: auf Anfrage\nFälligkeitstag: bald\n';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-extract-'));
  const files = {
    'w.yaml': WORKFLOW,
    'whole.txt': WHOLE,
    'lacking.txt': LACKING,
    'broken.pdf': '%PDF-1.7 cut',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The line of an invoice that has its number, as a picture. */
const SCAN = new URL('../../../../libs/recognition/src/fixtures/scan.jpg', import.meta.url);

/** Runs the command on files of the folder; what it says, and the exit code that it ends with. */
async function extract(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const statuses: string[] = [];
  const terminal: Terminal = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: (line) => statuses.push(line),
  };
  const named = args.map((arg) => (/\.(?:txt|pdf|yaml|jpg)$/.test(arg) ? join(folder, arg) : arg));
  const program = new Command('longshore').exitOverride();
  addExtract(program, terminal);
  const end = await program.parseAsync(['extract', ...named], { from: 'user' }).then(
    () => ({ code: 0, message: '' }),
    (error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      return { code: error.exitCode, message: error.message };
    },
  );
  return { ...end, out: out.join('\n'), err: err.join('\n'), statuses };
}

const workflow = ['-w', 'w.yaml', '--name', 'invoices'];

describe('longshore extract', () => {
  it('shows each value with its original text, its place and its score', async () => {
    const { code, out } = await extract('whole.txt', ...workflow);
    expect(code).toBe(0);
    expect(out).toMatch(/number\s+A-17\s+Rechnungs-Nr: A-17\s+line 1\s+1\.00/);
    expect(out).toMatch(/date\s+2026-02-03\s+Datum: 3\. Februar 2026\s+line 2/);
    expect(out).toMatch(/total\s+247\.8\s+Summe: 247,80 EUR\s+line 8/);
    expect(out).toMatch(/lines\s+2 rows\s+line 6/);
    expect(out).toMatch(/Also found:\n\s+total: "200,00" \(at "Summe", line 9, score 0\.\d\d\)/);
  });

  it('says why something was not found, and ends with a code of its own', async () => {
    const { code, out, message } = await extract('lacking.txt', ...workflow);
    expect(code).toBe(6);
    expect(message).toBe('In the file something required is missing or wrong.');
    expect(out).toContain(
      '✗ number: No label "Rechnungsnummer" or "Rechnungs-Nr" was found; closest is "Rechnungsnr." (line 1).',
    );
    expect(out).toContain('✗ total: At the label "Summe": "auf Anfrage" is not a number (line 2).');
    expect(out).toContain('✗ due: No label "Fälligkeit" was found; closest is "Fälligkeitstag" (line 3).');
    expect(out).toContain('- lines: No heading "Artikel" or "Preis" was found');
  });

  it('prints JSON for several files, and goes on behind one that cannot be read', async () => {
    const { code, out, message } = await extract(
      'broken.pdf',
      'whole.txt',
      'lacking.txt',
      ...workflow,
      '--json',
    );
    expect(code).toBe(1);
    expect(message).toBe('1 of 3 files could not be read.');
    const [broken, whole, lacking] = JSON.parse(out) as Record<string, unknown>[];
    expect(broken).toMatchObject({ status: 'unreadable', error: { reason: 'truncated' } });
    expect(whole).toMatchObject({
      status: 'complete',
      document: { kind: 'txt', pages: 1 },
      output: { number: 'A-17', total: 247.8 },
      fields: {
        total: { text: '247,80 EUR', label: 'Summe', page: 1, line: 8, others: [{ text: '200,00' }] },
      },
    });
    expect(lacking).toMatchObject({ status: 'incomplete', fields: { date: { required: false } } });
  });

  it('prints the text alone', async () => {
    expect((await extract('whole.txt', '--text')).out).toBe(WHOLE);
    const { out } = await extract('whole.txt', 'lacking.txt', '--text', '--layout');
    expect(out).toMatch(/^==> .*whole\.txt <==\nRechnungs-Nr: A-17/);
  });

  it('recognises the text of a picture, and tells at which page it is', async () => {
    copyFileSync(SCAN, join(folder, 'scan.jpg'));
    const { code, out, statuses } = await extract('scan.jpg', '--text', '--languages', 'eng');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('QC-2026-0117') });
    expect(statuses).toEqual([expect.stringMatching(/scan\.jpg: recognising the text of page 1$/), '']);
    const { err } = await extract('scan.jpg', '--text', '--languages', 'eng,xyz');
    expect(err).toContain('the language "xyz" is not installed here');
  });

  it.each([
    [['whole.txt', '--text', '--languages', '../x'], 'OCR_LANGUAGES'],
    [['whole.txt'], 'Name the file with the workflow with -w'],
    [['whole.txt', '-w', 'w.yaml'], 'choose with --name from invoices, others'],
    [['whole.txt', '-w', 'w.yaml', '--name', 'x'], 'has no workflow x; it has invoices, others'],
    [['nowhere.txt', ...workflow], 'Nothing was read: there is no file'],
  ])('refuses %j before it reads anything', async (args, sentence) => {
    const { code, message } = await extract(...args);
    expect({ code, message }).toMatchObject({ code: 2, message: expect.stringContaining(sentence) });
  });
});

describe('the thread that reads', () => {
  const request = (bytes: string) => ({
    bytes: new TextEncoder().encode(bytes),
    name: 'a.txt',
    customData: null,
    layout: false,
  });

  it('is stopped when a file takes too long, and another reads the next', async () => {
    // It calls itself until the limit of expressions ends it, two seconds later.
    const compute = '($f := function($n) { $n <= 0 ? 0 : $f($n - 1) + $f($n - 1) }; $f(60))';
    const endless = workflowDefinitionSchema.parse({
      steps: [{ read: {} }, { extract: { fields: { it: { type: 'number', compute } } } }],
    });
    const extractor = createExtractor({ ...DEFAULT_EXTRACT_LIMITS, maxMs: 1000 });
    try {
      const stopped = extractor.run({ ...request('Summe: 1'), definition: endless });
      await expect(stopped).rejects.toMatchObject({ reason: 'timeout' });
      await expect(extractor.run(request('Summe: 2'))).resolves.toMatchObject({ text: 'Summe: 2' });
    } finally {
      await extractor.close();
    }
  });

  it('goes on behind a file that cannot be read', async () => {
    const extractor = createExtractor(DEFAULT_EXTRACT_LIMITS);
    await expect(extractor.run(request(''))).rejects.toMatchObject({ reason: 'empty' });
    await expect(extractor.run(request('x'))).resolves.toMatchObject({ kind: 'txt' });
    await extractor.close();
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { ApplyDocument, ExportResponse } from '@longshore/contracts';
import { parseApplyFile } from './read-apply-file.ts';
import { writeApplyFile } from './write-apply-file.ts';

function exportOf(documents: readonly ApplyDocument[]): ExportResponse {
  return {
    workflows: documents.flatMap((document) =>
      document.kind === 'workflow' ? [{ version: 3, document }] : [],
    ),
    deployments: documents.flatMap((document) =>
      document.kind === 'deployment' ? [{ version: 3, document }] : [],
    ),
    pipelines: documents.flatMap((document) =>
      document.kind === 'pipeline' ? [{ version: 3, document }] : [],
    ),
    schedules: documents.flatMap((document) => (document.kind === 'schedule' ? [{ document }] : [])),
  };
}

const sample = readFileSync(new URL('../../../../samples/invoices.yaml', import.meta.url), 'utf8');

describe('an export as a file', () => {
  it('is read again as the documents that it was made of', () => {
    const { documents } = parseApplyFile('invoices.yaml', sample);
    const written = writeApplyFile(exportOf(documents));
    expect(parseApplyFile('all.yaml', written).documents).toEqual(documents);
    expect(writeApplyFile(exportOf(parseApplyFile('all.yaml', written).documents))).toBe(written);
  });

  it('keeps texts that look like something else, and the order of fields', () => {
    const texts = [
      'yes',
      '1.0',
      '2026-03-01',
      'null',
      '~',
      '- a',
      'a: b',
      '# c',
      "it's",
      'a\nb',
      ' x ',
      '{{custom_data.a}}',
    ];
    const fields = Object.fromEntries(
      texts.map((value, index) => [`z${texts.length - index}`, { type: 'string' as const, value }]),
    );
    const regex = `^\\s*(?:${'long '.repeat(100)})"'#: (\\d+)$`;
    const steps = [
      { read: {} },
      { extract: { fields: { ...fields, a: { type: 'string' as const, regex } } } },
    ];
    const document: ApplyDocument = { kind: 'workflow', name: 'w', description: '# not: a comment', steps };
    const [read] = parseApplyFile('x.yaml', writeApplyFile(exportOf([document]))).documents;
    expect(read).toEqual(document);
    expect(JSON.stringify(read)).toBe(JSON.stringify(document));
  });

  it('writes schedules so that they are read again as they were', () => {
    const document: ApplyDocument = {
      ...{
        kind: 'schedule',
        name: 'nightly',
        cron: '*/5 * * * *',
        time_zone: 'Europe/Berlin',
        task: 'count',
      },
      ...{ parameters: { text: '1.0', deep: { list: [1, 'yes', null] } }, paused: true },
    };
    const written = writeApplyFile(exportOf([document]));
    expect(written).toMatch(/^kind: schedule\nname: nightly\ncron: /u);
    expect(parseApplyFile('all.yaml', written).documents).toEqual([document]);
  });

  it('says which version it holds, and is pleasant to read', () => {
    const { documents } = parseApplyFile('invoices.yaml', sample);
    const written = writeApplyFile(exportOf(documents));
    expect(written).toMatch(/^# version 3\n\nkind: workflow\nname: invoices\n/u);
    expect(written).toContain('---\n# runs version 3\n\nkind: deployment\n');
    expect(written).toContain('        paid: { type: boolean, label: Paid }\n');
  });
});

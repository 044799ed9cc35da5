import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { applyDocumentSchema, type WorkflowDefinition, workflowDefinitionSchema } from '@longshore/contracts';
import { parse, parseAllDocuments } from 'yaml';
import { compileWorkflow } from './compile-workflow.ts';
import { readDocument } from './read-document.ts';
import { UNREADABLE_REASONS } from './unreadable.ts';

const guide = await readFile(new URL('../../../docs/workflows.md', import.meta.url), 'utf8');
const samples = new URL('../../../samples/', import.meta.url);

interface Block {
  readonly info: string;
  readonly content: string;
}

const blocks: Block[] = [...guide.matchAll(/^```(\S.*)\n([^]*?)^```$/gmu)].map(
  ([, info = '', content = '']) => ({ info, content }),
);

interface Example {
  /** Kind of the document and name of its file. */
  readonly kind: string;
  readonly name: string;
  readonly content: string;
  /** What stands below it, by kind of block. */
  readonly parts: Readonly<Record<string, string>>;
}

/** A document and the blocks below it, up to the next. */
const examples = blocks.flatMap(({ info, content }, index): Example[] => {
  const [kind = '', what, name = kind === 'json' ? 'a.json' : 'a.txt'] = info.split(' ');
  if (what !== 'document') return [];
  const next = blocks.findIndex((block, at) => at > index && / document|^yaml$/u.test(block.info));
  const below = blocks.slice(index + 1, next < 0 ? undefined : next);
  return [
    { kind, name, content, parts: Object.fromEntries(below.map((block) => [block.info, block.content])) },
  ];
});

function applied(content: string) {
  return parseAllDocuments(content).map((document) => applyDocumentSchema.parse(document.toJS()));
}

function compiled(parts: Example['parts']) {
  const extract =
    parts['yaml extract'] ?? `fields:\n${(parts['yaml fields'] ?? '').replaceAll(/^/gmu, '  ')}`;
  const definition = { steps: [{ read: {} }, { extract: parse(extract) as unknown }] };
  return compileWorkflow(workflowDefinitionSchema.parse(definition));
}

describe('the guide to workflows', () => {
  it('shows documents that can be applied', () => {
    const whole = blocks.filter(({ info }) => info === 'yaml');
    expect(whole.length).toBeGreaterThan(1);
    expect(whole.flatMap(({ content }) => applied(content)).map(({ kind }) => kind)).toEqual([
      'workflow',
      'deployment',
      'workflow',
      'deployment',
    ]);
  });

  it('has nothing but blocks that are tested', () => {
    const known =
      /^(?:yaml|(?:text|json) document(?: \S+)?|yaml (?:fields|extract)|json (?:custom_data|output|problems))$/u;
    expect(blocks.filter(({ info }) => !known.test(info))).toEqual([]);
    expect(examples.length).toBeGreaterThanOrEqual(12);
  });

  it.each(examples)('shows what becomes of its $kind number %#', async ({ name, content, parts }) => {
    const document = await readDocument(new TextEncoder().encode(content), { name });
    const customData = JSON.parse(parts['json custom_data'] ?? 'null') as unknown;
    const extraction = await compiled(parts).structure(document, { name, customData });
    const output = JSON.parse(parts['json output'] ?? '') as unknown;
    expect(extraction).toEqual({ output, problems: JSON.parse(parts['json problems'] ?? '[]') });
    expect(JSON.stringify(extraction.output)).toBe(JSON.stringify(output));
  });

  it('explains every reason, and no other', () => {
    const table = guide.slice(guide.indexOf('It fails with one of these'));
    const explained = [...table.matchAll(/^\| `(\w+)` /gmu)].map(([, reason]) => reason);
    expect(explained).toEqual([...UNREADABLE_REASONS]);
  });
});

async function sampleWorkflow(): Promise<WorkflowDefinition> {
  const [workflow, deployment] = applied(await readFile(new URL('invoices.yaml', samples), 'utf8'));
  if (workflow?.kind !== 'workflow') throw new Error('the first document is the workflow');
  expect(deployment).toMatchObject({ kind: 'deployment', workflow: workflow.name });
  return workflowDefinitionSchema.parse({ steps: workflow.steps, output_schema: workflow.output_schema });
}

async function readSample(name: string) {
  const { limits, structure } = compileWorkflow(await sampleWorkflow());
  const bytes = new Uint8Array(await readFile(new URL(name, samples)));
  return structure(await readDocument(bytes, { name, limits }));
}

describe('the samples', () => {
  const truth = {
    'harbour-office.txt': ['HO-5521', '2026-03-03', 'Ellery Sailing Club', true, 344],
    'saltmarsh-catering.csv': ['SC-0093', '2026-03-09', 'Regatta Committee, Port Ellery', false, 586],
    'tidewater-software.json': ['TW/2026/0204', '2026-02-28', 'Port Ellery Pilot Station', true, 2570],
    'quayside-chandlery.pdf': ['QC-2026-0117', '2026-03-01', 'Harbour Lights Ltd', false, 1283.4],
    'nordkai-werft.pdf': ['NW-88412', '2026-02-14', 'Fährhaus Betriebs KG', true, 2150.75],
    'pier-9-logistics.docx': ['P9/2026/31', '2026-03-12', 'Gull & Sons', false, 742],
  } as const;

  it.each(Object.entries(truth))(
    '%s gives every field',
    async (name, [number, date, customer, paid, total]) => {
      const { output, problems } = await readSample(name);
      expect(problems).toEqual([]);
      expect(output).toMatchObject({ invoice_number: number, invoice_date: date, customer, paid, total });
      const amounts = (output['lines'] as { amount: number }[]).map(({ amount }) => amount);
      expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBeCloseTo(total);
    },
  );

  it('hold one that cannot be read', async () => {
    await expect(readSample('cut-off-on-its-way.pdf')).rejects.toMatchObject({ reason: 'truncated' });
  });

  it('are all named here', async () => {
    const entries = await readdir(samples, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const files = names.filter((name) => !/\.(?:yaml|md)$/u.test(name));
    expect(files.toSorted()).toEqual([...Object.keys(truth), 'cut-off-on-its-way.pdf'].toSorted());
  });
});

import { describe, expect, it } from '@jest/globals';
import { workflowDefinitionSchema } from '@longshore/contracts';
import { compileWorkflow } from './compile-workflow.ts';
import type { CorpusDocument } from './fixtures/corpus/document.fixture.ts';
import { invoices } from './fixtures/corpus/invoices.fixture.ts';
import { papers } from './fixtures/corpus/papers.fixture.ts';
import { readDocument } from './read-document.ts';

const corpus = [...invoices, ...papers];

const known = new Map<CorpusDocument, ReturnType<typeof extractFrom>>();

/** What is found in a document, which is read once for all tests. */
function extracted(document: CorpusDocument): ReturnType<typeof extractFrom> {
  const extraction = known.get(document) ?? extractFrom(document);
  known.set(document, extraction);
  return extraction;
}

async function extractFrom({ name, bytes, extract }: CorpusDocument) {
  const definition = workflowDefinitionSchema.parse({ steps: [{ read: {} }, { extract }] });
  const document = await readDocument(await bytes(), { name });
  return compileWorkflow(definition).examine(document, { name });
}

/** How many fields of a document are exactly right, and the names of those that are not. */
function measure({ expected }: CorpusDocument, output: Readonly<Record<string, unknown>>) {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(output)])];
  const wrong = names.filter((name) => JSON.stringify(output[name]) !== JSON.stringify(expected[name]));
  return { all: names.length, wrong };
}

describe('documents as people get them', () => {
  it.each(corpus.map((document) => [document.name, document] as const))('%s', async (_name, document) => {
    const { output, problems } = await extracted(document);
    expect(output).toEqual(document.expected);
    expect(problems).toEqual([]);
  });

  it('give every field, of all documents together', async () => {
    const measured = await Promise.all(
      corpus.map(async (document) => ({
        name: document.name,
        ...measure(document, (await extracted(document)).output),
      })),
    );
    const all = measured.reduce((sum, { all: fields }) => sum + fields, 0);
    const wrong = measured.flatMap(({ name, wrong: fields }) => fields.map((field) => `${name}: ${field}`));
    expect({ documents: corpus.length, right: all - wrong.length, wrong }).toEqual({
      documents: 16,
      right: 90,
      wrong: [],
    });
  });

  it('tell of each value where it stands', async () => {
    for (const document of corpus) {
      const { output, fields } = await extracted(document);
      expect(Object.keys(fields)).toEqual(Object.keys(output));
      for (const { rows, items, ...evidence } of Object.values(fields)) {
        const places = rows ?? items ?? [evidence];
        expect(places.map(({ page }) => page)).not.toContain(undefined);
      }
    }
  });
});

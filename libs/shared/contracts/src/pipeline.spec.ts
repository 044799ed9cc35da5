import { describe, expect, it } from '@jest/globals';
import { pathOfAddress, pipelineDocumentSchema } from './pipeline.ts';

const document = (changes: object) => ({
  ...{ kind: 'pipeline', pipeline_id: 'inbox', workflow: 'totals' },
  ...{ source: { folder: { path: '/data/in' } }, destination: 'none' },
  ...changes,
});

/** What is said about a document, with its places. */
function complaints(changes: object): string[] {
  const { error } = pipelineDocumentSchema.safeParse(document(changes));
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('a pipeline', () => {
  it.each([
    [{}],
    [{ source: { folder: { path: '/in', glob: '**/*.{pdf,PDF}', recursive: false } } }],
    [{ source: { https: ['https://example.org/a.pdf?signature=x', 'http://localhost:9000/b'] } }],
    [{ destination: { folder: { path: '/out' } }, settings: { max_parallel_files: 4 }, active: false }],
    [{ settings: null, version: 2, description: 'x' }],
  ])('may say %j', (changes) => expect(complaints(changes)).toEqual([]));

  it.each([
    [{ source: {} }, 'source: a source has either the key folder or the key https'],
    [
      { source: { folder: { path: '/in' }, https: ['https://a.b/c'] } },
      'source: a source has either the key folder or the key https',
    ],
    [{ source: { s3: 'x' } }, 'source: a source has no key "s3"; it knows: folder, https'],
    [{ source: { folder: { path: 'in' } } }, 'source.folder.path: must be absolute'],
    [{ source: { folder: { path: '/in/../out' } } }, 'source.folder.path: must not hold ".."'],
    [{ source: { folder: { path: '/in', glob: '/x' } } }, 'source.folder.glob: is matched against'],
    [{ source: { folder: { path: '/in', glob: '*.{pdf' } } }, 'source.folder.glob: holds a bracket'],
    [{ source: { folder: { path: '/in', glob: '../*' } } }, 'source.folder.glob: must not hold ".."'],
    [{ source: { https: ['ftp://example.org/a'] } }, 'source.https.0: is no https address'],
    [{ source: { https: ['https://me:x@a.b/c'] } }, 'source.https.0: must not hold a user name'],
    [{ source: { https: ['https://a.b/c?1', 'https://a.b/c?2'] } }, 'source.https.1: has the same host'],
    [{ destination: 'nowhere' }, 'destination: a destination is none, or has the key folder'],
    [{ destination: { folder: {} } }, 'destination: folder.path:'],
    [{ destination: { folder: { path: 'out' } } }, 'destination.folder.path: must be absolute'],
    [{ destination: { webhook: {} } }, 'destination: folder: '],
    [{ schedule: '* * * * *' }, ': a pipeline has no key "schedule"'],
    [{ pipeline_id: 'in/box' }, 'pipeline_id: a name starts with a letter'],
  ])('may not say %j', (changes, complaint) => {
    expect(complaints(changes)[0]).toContain(complaint);
  });
});

describe('the path of an address', () => {
  it.each([
    ['https://Example.org/in/a.pdf?signature=x#y', 'example.org/in/a.pdf'],
    ['https://example.org', 'example.org/index'],
    ['https://example.org/in//', 'example.org/in/index'],
    ['https://example.org:8443/a/../b%2f..%2fc', 'example.org_8443/b%2f..%2fc'],
    ['https://[fd00::1]:443/a', '_fd00__1_/a'],
  ])('%s is %s', (address, path) => expect(pathOfAddress(address)).toBe(path));
});

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

const S3 = { bucket: 'inbox', credential: 'archive' };
const TABLE = { table: 'invoices', credential: 'db' };

describe('a pipeline', () => {
  it.each([
    [{}],
    [{ source: { folder: { path: '/in', glob: '**/*.{pdf,PDF}', recursive: false } } }],
    [{ source: { https: ['https://example.org/a.pdf?signature=x', 'http://localhost:9000/b'] } }],
    [{ destination: { folder: { path: '/out' } }, settings: { max_parallel_files: 4 }, active: false }],
    [{ settings: null, version: 2, description: 'x' }],
    [{ source: { s3: { ...S3, endpoint: 'http://localhost:9000', prefix: 'in/', glob: '*.pdf' } } }],
    [{ source: { https: { addresses: ['https://example.org/a.pdf'], credential: 'shop' } } }],
    [{ destination: { s3: { ...S3, region: 'eu-central-1', path_style: true } } }],
    [{ destination: { postgresql: { ...TABLE, schema: 'My "schema"' } } }],
    [
      {
        destination: { postgresql: { ...TABLE, columns: { run: '$execution_id', f: '$file', t: 'total' } } },
      },
    ],
    [{ destination: { webhook: { url: 'https://example.org/in' } } }],
  ])('may say %j', (changes) => expect(complaints(changes)).toEqual([]));

  it.each([
    [{ source: {} }, 'source: a source has one of the keys folder, https, s3'],
    [
      { source: { folder: { path: '/in' }, https: ['https://a.b/c'] } },
      'source: a source has one of the keys folder, https, s3',
    ],
    [{ source: { ftp: 'x' } }, 'source: a source has no key "ftp"; it knows: folder, https, s3'],
    [{ source: { s3: { bucket: 'in', credential: 'c' } } }, 'source.s3.bucket: is the name of a bucket'],
    [{ source: { s3: { bucket: 'inbox' } } }, 'source.s3.credential: '],
    [{ source: { s3: { ...S3, prefix: '/in' } } }, 'source.s3.prefix: begins without /'],
    [{ source: { s3: { ...S3, endpoint: 'https://a:b@s3.test' } } }, 'source.s3.endpoint: must not hold'],
    [{ source: { s3: { ...S3, glob: '../*' } } }, 'source.s3.glob: must not hold ".."'],
    [{ source: { https: { addresses: ['https://a.b/c'] } } }, 'source.https.credential: '],
    [{ source: { https: { addresses: ['x'], credential: 'c' } } }, 'source.https.addresses.0: is no https'],
    [{ source: { folder: { path: 'in' } } }, 'source.folder.path: must be absolute'],
    [{ source: { folder: { path: '/in/../out' } } }, 'source.folder.path: must not hold ".."'],
    [{ source: { folder: { path: '/in', glob: '/x' } } }, 'source.folder.glob: is matched against'],
    [{ source: { folder: { path: '/in', glob: '*.{pdf' } } }, 'source.folder.glob: holds a bracket'],
    [{ source: { folder: { path: '/in', glob: '../*' } } }, 'source.folder.glob: must not hold ".."'],
    [{ source: { folder: { path: '/in', glob: 'a{1..3}' } } }, 'source.folder.glob: a range such as'],
    [{ source: { https: ['ftp://example.org/a'] } }, 'source.https.0: is no https address'],
    [{ source: { https: ['https://me:x@a.b/c'] } }, 'source.https.0: must not hold a user name'],
    [{ source: { https: ['https://a.b/c?1', 'https://a.b/c?2'] } }, 'source.https.1: has the same host'],
    [
      { destination: 'nowhere' },
      'destination: a destination is none, or has one of the keys folder, s3, postgresql, webhook',
    ],
    [{ destination: { folder: {} } }, 'destination: folder.path:'],
    [{ destination: { folder: { path: 'out' } } }, 'destination.folder.path: must be absolute'],
    [{ destination: { webhook: {} } }, 'destination: webhook.url: '],
    [{ destination: {} }, 'destination: a destination is none, or has one of the keys'],
    [{ destination: { s3: { ...S3, glob: '*' } } }, 'destination.s3: s3 has no key "glob"'],
    [{ destination: { postgresql: { table: '' } } }, 'destination: postgresql.table: '],
    [
      { destination: { postgresql: { ...TABLE, columns: { a: 'total', b: '$file' } } } },
      'destination: postgresql.columns: needs a column for $execution_id',
    ],
    [
      { destination: { postgresql: { ...TABLE, columns: { a: '$execution_id', b: '$file', c: '$x' } } } },
      'destination.postgresql.columns.c: is no fact of a row',
    ],
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

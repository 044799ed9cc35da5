import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseApplyFile } from './read-apply-file.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const SECRET = 'hush-77';

function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-secrets-'));
  writeFileSync(join(folder, 'key.txt'), `${SECRET}\n`);
  process.env['LONGSHORE_TEST_ID'] = 'AKIA1';
  cleanups.push(
    () => rmSync(folder, { recursive: true }),
    () => delete process.env['LONGSHORE_TEST_ID'],
  );
  return (values: string, name = join(folder, 'x.yaml')) =>
    parseApplyFile(name, `kind: credential\nname: archive\ntype: s3\nvalues:\n${values}`);
}

describe('a credential in a file', () => {
  it('gets what its values refer to, files as they lie beside it', () => {
    const { documents } = setup()(
      '  access_key_id: { env: LONGSHORE_TEST_ID }\n  secret_access_key: { file: key.txt }\n',
    );
    expect(documents).toEqual([
      {
        ...{ kind: 'credential', name: 'archive', type: 's3' },
        values: { access_key_id: 'AKIA1', secret_access_key: SECRET },
      },
    ]);
  });

  it.each([
    [
      'in clear',
      `  access_key_id: ${SECRET}\n`,
      /x\.yaml:5:3: values\.access_key_id: a value of a credential never stands/,
    ],
    [
      'of both kinds',
      '  access_key_id: { env: A, file: b }\n',
      /values\.access_key_id: a value of a credential never/,
    ],
    [
      'that is not set',
      '  access_key_id: { env: LONGSHORE_TEST_NONE }\n',
      /variable LONGSHORE_TEST_NONE is not set/,
    ],
    [
      'in a file that is not there',
      '  access_key_id: { file: none.txt }\n',
      /the file none\.txt cannot be read \(ENOENT\)/,
    ],
    [
      'that no credential of this type has',
      '  access_key_id: { env: LONGSHORE_TEST_ID }\n  secret_access_key: { file: key.txt }\n  more: { file: key.txt }\n',
      /x\.yaml:7:3: values\.more: an s3 credential has no key "more"/,
    ],
  ])('is refused with a value %s, at its place and without telling any', (_what, values, message) => {
    let told = '';
    try {
      setup()(values);
    } catch (error) {
      told = (error as Error).message;
    }
    expect(told).toMatch(message);
    expect(told).not.toContain(SECRET);
  });
});

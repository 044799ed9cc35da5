import { describe, expect, it } from '@jest/globals';
import { apiError, validationError } from '@longshore/contracts';
import { describeChanges } from '../apply/describe-changes.ts';
import { parseApplyFile } from '../apply/read-apply-file.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { applyFiles } from './apply.ts';

const deployment = (name: string): string => `kind: deployment\napi_name: ${name}\nworkflow: w\n`;

function clientThat(answer: () => unknown): PlatformClient & { bodies: unknown[] } {
  const bodies: unknown[] = [];
  const call = async (_route: unknown, options?: { body?: unknown }): Promise<unknown> => {
    bodies.push(options?.body);
    return answer();
  };
  const open = () => Promise.reject(new Error('nothing streams here'));
  return { url: 'http://x', call: call as PlatformClient['call'], open, bodies };
}

describe('applying files', () => {
  const files = [
    parseApplyFile('one.yaml', deployment('a')),
    parseApplyFile('two.yaml', `${deployment('b')}---\n${deployment('c')}`),
  ];

  it('sends all documents of all files at once and says what became of each', async () => {
    const client = clientThat(() => ({
      changes: [
        { kind: 'workflow', name: 'w', action: 'updated', version: 3, differences: [] },
        { kind: 'deployment', name: 'a', action: 'unchanged', version: 3, differences: [] },
      ],
    }));
    const answer = await applyFiles(files, { client, organisation: 'acme' });
    expect(describeChanges(answer)).toEqual([
      'workflow w updated (version 3)',
      'deployment a unchanged (runs version 3)',
    ]);
    expect(client.bodies).toEqual([
      { organisation: 'acme', documents: files.flatMap(({ documents }) => documents) },
    ]);
  });

  it('shows in which file and line the backend found something wrong', async () => {
    const client = clientThat(() => {
      throw validationError([{ path: ['documents', 2, 'workflow'], message: 'There is no workflow w' }]);
    });
    await expect(applyFiles(files, { client, organisation: 'acme' })).rejects.toThrow(
      'two.yaml:7:1: workflow: There is no workflow w',
    );
  });

  it('passes other refusals on', async () => {
    const refused = apiError('not_found', 'There is no organisation acme');
    const client = clientThat(() => {
      throw refused;
    });
    await expect(applyFiles(files, { client, organisation: 'acme' })).rejects.toBe(refused);
  });
});

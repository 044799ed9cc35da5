import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startPlatform, type TestPlatform } from '../platform.ts';
import { deploymentClient } from './deployment-client.fixture.ts';

let platform: TestPlatform;

beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform?.stop());

const workflow = {
  kind: 'workflow',
  name: 'by-name',
  steps: [
    { read: {} },
    {
      extract: {
        fields: {
          total_of_all: { type: 'number', label: 'Total' },
          zone: { type: 'string', label: 'Zone' },
          kind: { type: 'string', value: 'invoice' },
        },
        overrides: [{ file: 'credit-*', fields: { kind: { type: 'string', value: 'credit note' } } }],
      },
    },
  ],
};

it('one content under two names is read once for each, where the rules depend on the name, and fields keep their order', async () => {
  const client = deploymentClient(platform);
  const deployment = { kind: 'deployment', api_name: 'by-name', workflow: 'by-name' };
  await client.apply([workflow, deployment]);
  const text = 'Total: 12.50\nZone: north\n';
  const files = new Map([
    ['invoice-1.txt', text],
    ['credit-1.txt', text],
    ['invoice-2.txt', 'Zone: south\nTotal: 7\n'],
  ]);
  const ended = await client.ended(await client.post('by-name', files), 60_000);
  const outputs = ended.result!.map(({ result }) => JSON.stringify(result!.output));
  expect(outputs).toEqual([
    '{"total_of_all":12.5,"zone":"north","kind":"invoice"}',
    '{"total_of_all":12.5,"zone":"north","kind":"credit note"}',
    '{"total_of_all":7,"zone":"south","kind":"invoice"}',
  ]);
});

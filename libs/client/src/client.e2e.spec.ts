import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes } from '@longshore/contracts';
import { startPlatform, type TestPlatform } from '@longshore/testing';
import fc from 'fast-check';
import { createClient, LongshoreError, type Client, type OperationName } from './index.ts';
import { operations } from './operations.ts';

const RUNS = 25;
/** Not JSON, or to be read but once. */
const APART = ['metrics', 'reader', 'executionStatus', 'pipelineStatus'];
const reads = (Object.keys(operations) as OperationName[]).filter(
  (name) => operations[name][0] === 'get' && !APART.includes(name),
);
const documents = [
  { kind: 'workflow' as const, name: 'letters', steps: [{ read: {} }] },
  { kind: 'deployment' as const, api_name: 'letters', workflow: 'letters' },
];

let platform: TestPlatform;
let client: Client;
let executionId: string;
let keyId: string;

beforeAll(async () => {
  platform = await startPlatform();
  client = createClient({ url: platform.url, key: platform.adminKey });
  await client.call('apply', { body: { documents } });
  const files = [{ name: 'a.txt', content: 'one' }];
  const own = createClient({ url: platform.url, key: platform.apiKey });
  executionId = await own.submit({ organisation: 'default', apiName: 'letters', files });
  await own.waitForResult(executionId);
  keyId = (await client.call('createKey', { body: { kind: 'admin', name: 'spare' } })).id;
});
afterAll(() => platform?.stop());

/** Values that a reader may give, by the name of the parameter; any of them may be left out of a query. */
const values: Record<string, fc.Arbitrary<unknown>> = {
  limit: fc.integer({ min: 1, max: 1000 }),
  organisation: fc.constant('default'),
  api_name: fc.constantFrom('letters', 'unknown'),
  status: fc.constantFrom('PENDING', 'EXECUTING', 'COMPLETED', 'ERROR', 'STOPPED'),
  kind: fc.constantFrom('admin', 'organisation', 'deployment', 'service'),
  outcome: fc.constantFrom('success', 'failure', 'refused'),
  level: fc.constantFrom('debug', 'info', 'warn', 'error'),
  q: fc.constantFrom('a', 'A.TXT', 'zz', '%'),
  tag: fc.constant('spring'),
  task: fc.constant('file.process'),
  since: fc.constantFrom('2020-01-01T00:00:00Z', '2100-01-01T00:00:00Z'),
  until: fc.constantFrom('2020-01-01T00:00:00Z', '2100-01-01T00:00:00Z'),
  version: fc.constantFrom(1, 7),
  // No webhook has sent anything here: it is refused with a reason.
  delivery_id: fc.uuid(),
  from: fc.constant(1),
  to: fc.constantFrom(1, 2),
};

function paramsOf(path: string): fc.Arbitrary<Record<string, unknown>> {
  const ids = () => (path.includes('/keys/') ? keyId : executionId);
  const name = path.includes('/workflows/') ? 'letters' : 'default';
  const named = { name: fc.constantFrom(name, 'unknown'), id: fc.constant(null).map(ids) };
  const asked = [...path.matchAll(/:(\w+)/g)].map(([, parameter]) => parameter!);
  return fc.record(Object.fromEntries(asked.map((each) => [each, { ...values, ...named }[each]!])));
}

function queryOf(name: OperationName): fc.Arbitrary<Record<string, unknown>> {
  const shape = (routes[name].query as { shape?: Record<string, unknown> }).shape ?? {};
  const known = Object.keys(shape).filter((parameter) => parameter in values);
  const required = name === 'diffWorkflow' ? ['from', 'to'] : [];
  return fc.record(Object.fromEntries(known.map((each) => [each, values[each]!])), {
    requiredKeys: required,
  });
}

describe('the typed client against a running platform', () => {
  it.each(reads)('%s answers what its type says, or refuses with a reason', async (name) => {
    const call = client.call as (name: OperationName, input: object) => Promise<unknown>;
    await fc.assert(
      fc.asyncProperty(paramsOf(operations[name][1]), queryOf(name), async (params, query) => {
        const answer = await call(name, { params, query }).catch((error: unknown) => error);
        if (answer instanceof LongshoreError) expect([400, 404]).toContain(answer.status);
        else expect(routes[name].response.safeParse(answer)).toMatchObject({ success: true });
      }),
      { numRuns: RUNS },
    );
  });
});

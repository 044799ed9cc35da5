import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import {
  startBackend,
  type HttpBackend,
  type TestDeployment,
  type TestOrganisation,
} from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, textFile, type Answer } from '../testing/http-client.ts';
import type { WorkerCall } from '../testing/http-worker.ts';
import { brokenInvariants } from '../testing/invariants.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let organisation: TestOrganisation;
let deployment: TestDeployment;
const others: HttpBackend[] = [];
/** Names of the files that were really worked on. */
let computed: string[] = [];
let failing = false;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  organisation = await backend.organisation('acme');
  deployment = await backend.deploy(organisation, 'invoices');
  await backend.worker({ processFile });
});
afterAll(async () => {
  for (const other of others) await other.stop();
  await backend?.stop();
  await postgres?.stop();
});
beforeEach(() => {
  computed = [];
  failing = false;
});

async function processFile(run: ClaimedRun, call: WorkerCall) {
  computed.push(run.file!.name);
  if (failing) return { failure: 'on purpose' };
  const text = Buffer.from(run.file!.content_base64!, 'base64').toString();
  const output = { output: { text, by: run.run_id }, extracted_text: text, elapsed_ms: 3 };
  if (!text.startsWith('large')) return { output };
  const bytes = Buffer.from(JSON.stringify(output));
  const stored = await call('PUT', `/v1/runs/${run.run_id}/output`, { body: bytes, token: run.token });
  return (await stored.json()) as { ref: string; size: number };
}

const reusing = { use_file_history: 'true', timeout: '30' };
const waiting = { timeout: '30' };
const resultsOf = ({ body }: Answer) => body.message.result;
const [A, B] = [textFile('a.txt', 'content A'), textFile('b.txt', 'content B')];

it('an earlier result of the same content is reported and says so, and nothing is computed', async () => {
  const [earlier] = resultsOf(await post(deployment, [A], waiting));
  computed = [];
  const later = await post(deployment, [textFile('other-name.txt', 'content A')], {
    ...reusing,
    include_extracted_text: 'true',
    include_metrics: 'true',
  });
  expect([later.status, later.body.message.execution_status]).toStrictEqual([200, 'COMPLETED']);
  expect(computed).toStrictEqual([]);
  const [result] = resultsOf(later);
  expect(result).toMatchObject({
    file: 'other-name.txt',
    status: 'Success',
    result: { output: earlier.result.output, metrics: { starts: 0 } },
    extracted_text: 'content A',
    metadata: { reused_from: earlier.file_execution_id, execution_id: later.body.message.execution_id },
  });
  expect(result.file_execution_id).not.toBe(earlier.file_execution_id);
  expect(earlier.metadata).not.toHaveProperty('reused_from');
});

it('what was reused is reused again, and names the run that was really executed', async () => {
  const [first] = resultsOf(await post(deployment, [A], reusing));
  const [second] = resultsOf(await post(deployment, [A], reusing));
  expect(computed).toStrictEqual([]);
  expect(second.metadata.reused_from).toBe(first.metadata.reused_from);
});

it('known and new files of one request come out in their order, each name with its result', async () => {
  const files = [
    textFile('1.txt', 'new one'),
    A,
    textFile('2.txt', 'content A'),
    B,
    textFile('3.txt', 'new one'),
  ];
  const results = resultsOf(await post(deployment, files, reusing));
  expect(results.map((each: { file: string }) => each.file)).toStrictEqual([
    '1.txt',
    'a.txt',
    '2.txt',
    'b.txt',
    '3.txt',
  ]);
  expect(results.map((each: { status: string }) => each.status)).toStrictEqual(Array(5).fill('Success'));
  expect(results.map((each: { metadata: object }) => 'reused_from' in each.metadata)).toStrictEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
  expect(computed.sort()).toStrictEqual(['1.txt', 'b.txt']);
});

it('nothing is reused by a request that does not ask for it', async () => {
  await post(deployment, [A], waiting);
  await post(deployment, [A], { ...waiting, use_file_history: 'false' });
  expect(computed).toStrictEqual(['a.txt', 'a.txt']);
});

it('only a success counts: what failed is computed again', async () => {
  const file = textFile('f.txt', 'fails first');
  failing = true;
  expect((await post(deployment, [file], reusing)).status).toBe(422);
  failing = false;
  expect((await post(deployment, [file], reusing)).status).toBe(200);
  expect(computed).toStrictEqual(['f.txt', 'f.txt']);
  await post(deployment, [file], reusing);
  expect(computed).toHaveLength(2);
});

it('all that a result depends on must be the same: content, extension, custom data, profile, rules, organisation', async () => {
  const profile = '0192f0c1-7e3a-7abc-9def-0123456789ab';
  const file = textFile('s.txt', 'same');
  const asked = { ...reusing, custom_data: '{"a":1,"b":2}', llm_profile_id: profile };
  await post(deployment, [file], asked);
  await post(deployment, [file], { ...asked, custom_data: '{"b":2, "a":1}' });
  expect(computed).toStrictEqual(['s.txt']);
  const stranger = await backend.deploy(await backend.organisation(), 'invoices');
  const sibling = await backend.deploy(organisation, 'orders');
  const others: [TestDeployment, typeof file, Record<string, string>][] = [
    [deployment, file, { ...asked, custom_data: '{"a":1}' }],
    [deployment, file, { ...reusing, llm_profile_id: profile }],
    [deployment, file, { ...reusing, custom_data: asked.custom_data }],
    [deployment, textFile('s.csv', 'same'), asked],
    [deployment, textFile('s', 'same'), asked],
    [deployment, textFile('s.txt', 'Same'), asked],
    [stranger, file, asked],
    [sibling, file, asked],
  ];
  for (const [target, upload, fields] of others) {
    computed = [];
    await post(target, [upload], fields);
    expect([upload.name, fields, computed]).toStrictEqual([upload.name, fields, [upload.name]]);
  }
  computed = [];
  await post(deployment, [textFile('t.TXT', 'same')], asked);
  expect(computed).toStrictEqual([]);
});

it('a new version of the workflow computes anew', async () => {
  const target = await backend.deploy(organisation, 'versioned');
  await post(target, [A], reusing);
  await post(target, [A], reusing);
  expect(computed).toHaveLength(1);
  await backend.database.query(
    `insert into workflow_versions (id, workflow_id, version, definition)
     select uuid_v7(), v.workflow_id, v.version + 1, v.definition from workflow_versions v
      join deployments d on d.workflow_id = v.workflow_id where d.id = $1`,
    [target.id],
  );
  await post(target, [A], reusing);
  expect(computed).toHaveLength(2);
});

it('the name must be the same too where the rules depend on it', async () => {
  const target = await backend.deploy(organisation, 'by-name');
  const kind = (value: string) => ({ kind: { type: 'string', value } });
  const extract = { fields: kind('invoice'), overrides: [{ file: 'credit-*', fields: kind('credit note') }] };
  await backend.database.query(
    `insert into workflow_versions (id, workflow_id, version, definition)
     select uuid_v7(), v.workflow_id, v.version + 1, $2::json from workflow_versions v
      join deployments d on d.workflow_id = v.workflow_id where d.id = $1`,
    [target.id, JSON.stringify({ steps: [{ read: {} }, { extract }] })],
  );
  const named = (name: string) => textFile(name, 'by whatever name');
  const both = await post(target, [named('one.txt'), named('credit-1.txt')], reusing);
  expect(resultsOf(both)).toHaveLength(2);
  expect(computed.sort()).toStrictEqual(['credit-1.txt', 'one.txt']);
  await post(target, [named('other.txt'), named('credit-1.txt')], reusing);
  expect(computed.sort()).toStrictEqual(['credit-1.txt', 'one.txt', 'other.txt']);
});

it('a result in the file store is copied: it outlives the earlier one', async () => {
  const file = textFile('l.txt', 'large');
  const earlier = await post(deployment, [file], waiting);
  const before = (await backend.storedFiles()).length;
  const later = await post(deployment, [file], { use_file_history: 'true' });
  const id: string = later.body.message.execution_id;
  await eventually(async () => (await backend.rows())['live_executions'] === 0);
  expect(computed).toHaveLength(1);
  expect((await backend.storedFiles()).length - before).toBe(2);
  const [old] = resultsOf(earlier);
  await backend.database.query('update runs set output = null where id = $1', [old.file_execution_id]);
  expect((await poll(deployment, id)).body.message).toMatchObject([
    { result: { output: old.result.output } },
  ]);
});

it('a request that is refused leaves no copy', async () => {
  const full = await startBackend(postgres, { maxUnfinished: 1 }, backend);
  others.push(full);
  const target = { ...deployment, url: `${full.url}${deployment.path}` };
  await backend.database.query('insert into live_executions (id, organisation_id) values (uuid_v7(), $1)', [
    organisation.id,
  ]);
  const before = [await backend.rows(), (await backend.storedFiles()).length];
  expect((await post(target, [textFile('l.txt', 'large')], reusing)).status).toBe(429);
  expect([await backend.rows(), (await backend.storedFiles()).length]).toStrictEqual(before);
  await backend.database.query('delete from live_executions');
});

it('the native API counts a reused file among the successful ones', async () => {
  const { body } = await post(deployment, [A], reusing);
  const detail = await answer(
    fetch(`${backend.url}/api/v1/executions/${body.message.execution_id}`, {
      headers: bearer(organisation.key),
    }),
  );
  expect(detail.body).toMatchObject({
    status: 'COMPLETED',
    total_files: 1,
    successful_files: 1,
    files: [{ state: 'succeeded', starts: 0 }],
  });
  expect(await brokenInvariants(backend.database)).toStrictEqual([]);
});

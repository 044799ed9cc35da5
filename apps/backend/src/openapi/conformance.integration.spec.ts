import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { eventually, poll, post, textFile } from '../testing/http-client.ts';
import { oddTexts, spoiled, valuesOf, type Generation } from './arbitrary.fixture.ts';
import { openApiDocument, type Operation } from './document.ts';
import type { JsonSchema } from './schemas.ts';

const RUNS = 60;
const MOST_ROUNDS = 12;
const document = openApiDocument('0.0.0');
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method,
    operation,
    name: operation.operationId,
  })),
);
/** Removing what other requests look for would leave nothing to be found; each is tested where it is built. */
const exercised = operations.filter(({ method }) => method !== 'delete');

let postgres: TestPostgres;
let backend: HttpBackend;
let world: Awaited<ReturnType<typeof populate>>;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  world = await populate();
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

/** Two organisations, a deployment in each, executions that ended and one that waits; and what all of it is called. */
async function populate() {
  const [own, other] = [await backend.organisation('default'), await backend.organisation('other')];
  const deployments = [await backend.deploy(own, 'invoices'), await backend.deploy(other, 'letters')];
  await backend.database.query(
    `insert into deployments (id, organisation_id, api_name, kind, workflow_id, source, destination)
     select uuid_v7(), organisation_id, 'inbox', 'pipeline', workflow_id, '{}', '"none"' from deployments where id = $1`,
    [deployments[0]!.id],
  );
  const worker = await backend.worker();
  const executions: string[] = [];
  for (const deployment of deployments) {
    const { body } = await post(deployment, [textFile('a.txt'), textFile('b.txt')], { tags: 'spring' });
    const id = body.message.execution_id as string;
    executions.push(id);
    await eventually(
      async () => !['PENDING', 'EXECUTING'].includes((await poll(deployment, id)).body.status),
    );
  }
  await worker.stop();
  executions.push((await post(deployments[0]!, [textFile('c.txt')])).body.message.execution_id);
  executions.push(await runOfPipeline(own.key));
  const spare = await backend.keys.create({ kind: 'organisation', name: 'spare', organisationId: other.id });
  const keys = [backend.adminKey, own.key, other.key, deployments[0]!.key, 'none-of-ours', null];
  return {
    executions,
    keys,
    keyIds: [spare.id],
    replayIds: [await replayOf(own.id)],
    taskIds: [await taskOf(own.key)],
    scheduleIds: [await scheduleOf(own.key)],
    credentials: [await credentialOf(own.key)],
    ...(await webhookOf(own.key, own.id)),
    deletionIds: [await deletionOf(await backend.organisation())],
  };
}

/** An execution of the pipeline, which waits: no worker here serves it. */
async function runOfPipeline(key: string): Promise<string> {
  const response = await fetch(`${backend.url}/deployment/pipeline/api/default/inbox/`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
  });
  const { message } = (await response.json()) as { message: { execution_id: string } };
  return message.execution_id;
}

async function replayOf(organisationId: string): Promise<string> {
  const [row] = await backend.database.query<{ id: string }>(
    `insert into replays (id, organisation_id, state, request, per_minute, total)
     values (uuid_v7(), $1, 'done', '{"limit": 1, "only_failed": false}', 60, 0) returning id`,
    [organisationId],
  );
  return row!.id;
}

/** A task that was cancelled before it began. */
async function taskOf(key: string): Promise<string> {
  await backend.database.query(
    `insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation)
     values ('nothing', 'General', 'default', '', '{}', 1, 1000, 1000, 'inline')`,
  );
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ task_name: 'nothing' });
  const submitted = await fetch(`${backend.url}/tasks/submit`, { method: 'POST', headers, body });
  const { task_id: id } = (await submitted.json()) as { task_id: string };
  await fetch(`${backend.url}/tasks/${id}/cancel`, { method: 'DELETE', headers });
  return id;
}

/** A schedule of that task, which does not come to fire. */
async function scheduleOf(key: string): Promise<string> {
  const response = await fetch(`${backend.url}/schedules`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'yearly', cron: '0 0 1 1 *', task: 'nothing' }),
  });
  return ((await response.json()) as { schedule_id: string }).schedule_id;
}

/** A credential that no pipeline names. */
async function credentialOf(key: string): Promise<string> {
  const name = 'archive';
  await fetch(`${backend.url}/api/v1/credentials`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, type: 'bearer', values: { token: 'abcdef' } }),
  });
  return name;
}

/** A webhook, and a delivery of it that was given up. */
async function webhookOf(key: string, organisationId: string) {
  const response = await fetch(`${backend.url}/api/v1/webhooks`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'accounting', url: 'https://example.com/in' }),
  });
  const { webhook_id: id } = (await response.json()) as { webhook_id: string };
  const [row] = await backend.database.query<{ id: string }>(
    `insert into webhook_deliveries (id, webhook_id, organisation_id, run_id, state, test, events)
     values (uuid_v7(), $1, $2, uuid_v7(), 'dead', false, 1) returning id`,
    [id, organisationId],
  );
  return { webhookIds: [id], deliveryIds: [row!.id] };
}

async function deletionOf({ name }: { name: string }): Promise<string> {
  const response = await fetch(`${backend.url}/api/v1/organisations/${name}?confirm=${name}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${backend.adminKey}` },
  });
  return ((await response.json()) as { deletion_id: string }).deletion_id;
}

/** What is there to be named, by the name of the parameter that names it. */
function known(path: string): Generation['known'] {
  const { keyIds, deletionIds, replayIds, taskIds, scheduleIds, webhookIds, executions } = world;
  const others = {
    '/keys/': keyIds,
    '/deletions/': deletionIds,
    '/replays/': replayIds,
    '/tasks/': taskIds,
    '/schedules/': scheduleIds,
    '/webhooks/': webhookIds,
  };
  const ids = Object.entries(others).find(([part]) => path.includes(part))?.[1] ?? executions;
  const named = {
    '/workflows/': ['invoices-workflow', 'letters-workflow'],
    '/credentials/': world.credentials,
  };
  const names = Object.entries(named).find(([part]) => path.includes(part))?.[1] ?? ['default', 'other'];
  return {
    organisation: fc.constantFrom('default', 'other'),
    org: fc.constant('default'),
    api_name: fc.constantFrom('invoices', 'invoices', 'letters'),
    pipeline_id: fc.constantFrom('inbox', 'inbox', 'invoices'),
    name: fc.constantFrom(...names),
    version: fc.constantFrom(1, 2),
    from: fc.constant(1),
    to: fc.constant(1),
    id: fc.constantFrom(...ids),
    of: fc.constantFrom(...world.executions),
    ...(path.includes('/credentials') && {
      type: fc.constant('bearer'),
      values: fc.constant({ token: 'abcdef' }),
    }),
    execution_id: fc.constantFrom(...world.executions),
    delivery_id: fc.constantFrom(...world.deliveryIds),
    url: fc.constantFrom('https://example.com/in', 'https://127.0.0.1/in'),
    q: fc.constantFrom('a.', 'B', 'zz', ...world.executions.map((id) => id.slice(0, 10))),
    tag: fc.constant('spring'),
    task_name: fc.constant('nothing'),
    cursor: fc.constant(undefined),
    expires_at: fc.constant(undefined),
    expires_in_days: fc.constantFrom(undefined, 30),
    // Nothing outside this machine is asked for, and nobody waits long.
    presigned_urls: fc.constant(undefined),
    timeout: fc.constantFrom('-1', '0'),
    tags: fc.constantFrom('', 'spring'),
    custom_data: fc.constantFrom('', '{"a":1}'),
    llm_profile_id: fc.constant(undefined),
  };
}

const addresses = fc.constantFrom('https://127.0.0.1:1/a.pdf', 'http://127.0.0.1:1/', 'ftp://nowhere', '');

/** Whoever sends an address takes `.` and `..` in it for the way to another one. */
const isPathSegment = (value: unknown): boolean => !/^\.{0,2}$/.test(String(value));

type Place = 'path' | 'query' | 'header';

function parametersOf(
  operation: Operation,
  place: Place,
  generation: Generation,
): fc.Arbitrary<Record<string, unknown>> {
  const parameters = operation.parameters.filter((parameter) => parameter.in === place);
  const odd = place === 'header' ? fc.constantFrom('', 'one', 'two', '"', 'x'.repeat(300)) : oddTexts;
  const arbitraries = parameters.map(({ name, schema }) => {
    if (place === 'header') return [name, odd] as const;
    const there = generation.known[name] ?? valuesOf(schema, generation);
    const values = fc.oneof(
      { arbitrary: there, weight: 8 },
      { arbitrary: valuesOf(schema, generation), weight: 2 },
      { arbitrary: odd, weight: 1 },
    );
    return [name, place === 'path' ? values.filter(isPathSegment) : values] as const;
  });
  const requiredKeys = parameters
    .filter(({ required }) => place === 'path' || required)
    .map(({ name }) => name);
  const usual = fc.record(Object.fromEntries(arbitraries), { requiredKeys });
  if (place === 'path') return usual;
  const strange = fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), oddTexts, { maxKeys: 2 });
  return place === 'query'
    ? fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: strange, weight: 1 })
    : usual;
}

function bodiesOf(operation: Operation, generation: Generation): fc.Arbitrary<RequestInit> {
  const [media, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (content === undefined) return fc.constant({});
  const values = valuesOf(content.schema, generation);
  if (media === 'multipart/form-data') return forms(values);
  const example =
    content.example === undefined ? [] : [{ arbitrary: fc.constant(content.example), weight: 5 }];
  const json = fc.oneof(
    ...example,
    { arbitrary: values, weight: 5 },
    { arbitrary: spoiled(values), weight: 3 },
  );
  const bodies = fc.oneof(
    { arbitrary: json.map((value) => JSON.stringify(value)), weight: 9 },
    { arbitrary: fc.oneof(oddTexts, fc.json()), weight: 1 },
  );
  return bodies.map((body) => ({ body, headers: { 'Content-Type': 'application/json' } }));
}

function forms(values: fc.Arbitrary<unknown>): fc.Arbitrary<RequestInit> {
  const files = fc.array(fc.tuple(oddTexts, oddTexts), { maxLength: 3 });
  const urls = fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, fc.array(addresses, { maxLength: 2 }));
  const fields = fc.oneof({ arbitrary: values, weight: 3 }, { arbitrary: spoiled(values), weight: 1 });
  return fc.tuple(files, urls, fields).map(([documents, links, given]) => {
    const form = new FormData();
    for (const [name, content] of documents) form.append('files', new Blob([content]), name || 'a.txt');
    for (const link of links) form.append('presigned_urls', link);
    for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
      if (name !== 'files' && name !== 'presigned_urls' && value !== undefined)
        form.append(name, String(value));
    }
    return { body: form };
  });
}

interface Exchange {
  readonly path: Record<string, unknown>;
  readonly query: Record<string, unknown>;
  readonly header: Record<string, unknown>;
  readonly init: RequestInit;
  readonly key: string | null;
}

function exchangesOf(path: string, operation: Operation): fc.Arbitrary<Exchange> {
  const generation = { components: document.components.schemas, known: known(path) };
  const [admin, own, ...rest] = world.keys;
  const meant = operation.security.some((scheme) => 'adminKey' in scheme) ? admin! : own!;
  return fc.record({
    path: parametersOf(operation, 'path', generation),
    query: parametersOf(operation, 'query', generation),
    header: parametersOf(operation, 'header', generation),
    init: bodiesOf(operation, generation),
    key: fc.oneof(
      { arbitrary: fc.constantFrom(meant, meant, own!), weight: 8 },
      { arbitrary: fc.constantFrom<string | null>(...rest), weight: 1 },
    ),
  });
}

async function send(
  address: string,
  method: string,
  { path, query, header, init, key }: Exchange,
): Promise<Response> {
  const filled = address.replace(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(String(path[name]).toWellFormed()),
  );
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) words.append(name, String(value));
  const headers = { ...init.headers, ...(header as Record<string, string>) } as Record<string, string>;
  if (key !== null) headers['Authorization'] = `Bearer ${key}`;
  return await fetch(`${backend.url}${filled}?${words}`, { ...init, method: method.toUpperCase(), headers });
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (to: Ajv2020) => void)(ajv);
ajv.addSchema(document, 'openapi');

/** What is wrong with an answer, by the document; null: nothing. */
async function complaintAbout(
  response: Response,
  at: { path: string; method: string },
): Promise<string | null> {
  const { responses } = document.paths[at.path]![at.method]!;
  const text = await response.text();
  const documented = responses[String(response.status)];
  if (response.status >= 500) return `status ${response.status}: ${text}`;
  if (documented === undefined) return `status ${response.status} is not documented: ${text}`;
  const media = response.headers.get('content-type')?.split(';')[0] ?? '';
  const whole = (documented['$ref'] ? resolved(String(documented['$ref'])) : documented) as JsonSchema;
  const content = whole['content'] as Record<string, JsonSchema> | undefined;
  if (content?.[media] === undefined) return `status ${response.status} with ${media}`;
  if (media !== 'application/json') return null;
  const pointer = documented['$ref']
    ? String(documented['$ref'])
    : `#/paths/${pointed(at.path)}/${at.method}/responses/${response.status}`;
  const validate = ajv.compile({ $ref: `openapi${pointer}/content/application~1json/schema` });
  if (validate(JSON.parse(text))) return null;
  return `status ${response.status} does not fit: ${ajv.errorsText(validate.errors)}: ${text}`;
}

function resolved(reference: string): JsonSchema {
  return document.components.responses[reference.replace('#/components/responses/', '')]!;
}

function pointed(path: string): string {
  return encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'));
}

describe('whatever is asked, the answer is a documented one:', () => {
  // What one operation switches off, another needs.
  beforeEach(() => backend.database.query('update deployments set active = true'));

  it.each(exercised)('$method $path', async ({ path, method, operation }) => {
    const statuses = new Set<number>();
    const property = fc.asyncProperty(exchangesOf(path, operation), async (exchange) => {
      const response = await send(path, method, exchange);
      statuses.add(response.status);
      expect(await complaintAbout(response, { path, method })).toBeNull();
    });
    const refused = (status: number) => '$ref' in operation.responses[String(status)]!;
    const seen = (wanted: boolean) => [...statuses].some((status) => refused(status) === wanted);
    const isClosed = operation.security.length > 0;
    // Few requests to some operations are right in every part: until one was, there is nothing to be said of its answers.
    for (let round = 0; round < MOST_ROUNDS && !(seen(false) && (seen(true) || !isClosed)); round += 1)
      await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: 10_000 });
    expect([seen(false), seen(true) || !isClosed]).toEqual([true, true]);
  });

  it('and the model holds afterwards', async () => {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  });
});

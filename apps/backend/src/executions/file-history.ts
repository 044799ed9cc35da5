import { extname } from 'node:path';
import type { JsonValue, Output } from '@longshore/contracts';
import type { Deployment } from '../deployments/deployments.ts';
import type { FileStore, PendingObject } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import { childRunId, familyRange } from '../store/family-ids.ts';
import type { ExecutionFields } from './request-fields.ts';
import type { KeyedFile } from './run-key.ts';

/** A file run that need not run: the result of an earlier one, copied, under the new execution. */
export interface ReusedResult {
  /** Id of the run that stands for it in the new execution. */
  readonly id: string;
  /** The run's key. */
  readonly key: string;
  readonly file_id: string;
  /** The file run that was really executed. */
  readonly reusedFrom: string;
  /** True: computed under other rules or other data than the new execution has. Then it is no result to reuse. */
  readonly ofOtherRules?: boolean;
  readonly output: Output;
  readonly run: RunPolicy;
  /** The copy of an output that lies in the file store. */
  readonly object: PendingObject | null;
}

interface RunPolicy {
  readonly task: string;
  readonly queue: string;
  readonly max_attempts: number;
  readonly soft_limit_ms: number;
  readonly hard_limit_ms: number;
}

export interface HistoryQuestion {
  /** The new execution. */
  readonly id: string;
  readonly deployment: Pick<Deployment, 'organisationId' | 'workflowVersionId'>;
  readonly fields: Pick<ExecutionFields, 'customData' | 'llmProfileId'>;
  readonly files: readonly KeyedFile[];
  /** Whether results depend on the names of files. */
  readonly byName: boolean;
}

/** How many of the latest executions of a content are looked at. */
const LATEST = 20;

/**
 * $1 organisation, $2 workflow version, $3 custom data, $4 LLM profile, $5 hashes, $6 extensions, $7 names,
 * $8 keys, $9 whether names count. All that a result depends on is compared: content and extension (which settles what the
 * content leaves open), rules, custom data, and the name where the rules do.
 */
const FIND_CANDIDATES = `
select wanted.key, f.id as file_id, f.execution_id
  from unnest($5::text[], $6::text[], $7::text[], $8::text[]) as wanted (sha256, extension, name, key)
 cross join lateral (
   select f.id, f.execution_id
     from files f join executions e on e.id = f.execution_id
    where f.organisation_id = $1 and f.sha256 = wanted.sha256
      and lower(coalesce(substring(f.name from '.(\\.[^.]*)$'), '')) = wanted.extension
      and (not $9::boolean or f.name = wanted.name)
      and e.workflow_version_id = $2 and e.custom_data is not distinct from $3::jsonb
      and e.llm_profile_id is not distinct from $4::uuid
    order by f.id desc limit ${LATEST}) f`;

/** $1 run ids, $2..$3 their range. A result that was itself reused names the run that was executed. */
const FIND_RESULTS = `
select id, file_id, output, coalesce(input ->> 'reused_from', id::text) as origin, task, queue, max_attempts,
       soft_limit_ms::float8, hard_limit_ms::float8
  from runs
 where id = any($1::uuid[]) and id between $2::uuid and $3::uuid and state = 'succeeded' and output is not null
   and not input ? 'of_other_rules'
 order by id desc`;

interface Candidate {
  key: string;
  file_id: string;
  execution_id: string;
}
/** A file run with a result. */
export interface ResultRow extends RunPolicy {
  id: string;
  file_id: string;
  output: Output;
  origin: string;
}

/**
 * Earlier results for files of a new execution, one for each content at most. What lies in the file store is copied,
 * so that the new result does not go when the earlier one does; the copies are to be committed or discarded.
 */
export async function findReusable(
  database: Database,
  store: FileStore,
  question: HistoryQuestion,
): Promise<ReusedResult[]> {
  const contents = firstOfEachKey(question.files);
  const found = await findResults(database, question, contents);
  const reused: ReusedResult[] = [];
  try {
    for (const file of contents) {
      const result = found.get(file.key);
      const taken = result && (await takeOver(store, question.id, file, result));
      if (taken) reused.push(taken);
    }
    return reused;
  } catch (error) {
    for (const { object } of reused) await object?.discard();
    throw error;
  }
}

/** The file by whose name a content is read: the first one of that key. */
function firstOfEachKey(files: readonly KeyedFile[]): KeyedFile[] {
  const first = new Map<string, KeyedFile>();
  for (const file of files) if (!first.has(file.key)) first.set(file.key, file);
  return [...first.values()];
}

async function findResults(
  database: Database,
  { deployment, fields, byName }: HistoryQuestion,
  contents: readonly KeyedFile[],
): Promise<Map<string, ResultRow>> {
  const candidates = await database.query<Candidate>(FIND_CANDIDATES, [
    deployment.organisationId,
    deployment.workflowVersionId,
    fields.customData === null ? null : JSON.stringify(fields.customData),
    fields.llmProfileId,
    contents.map(({ sha256 }) => sha256),
    contents.map(({ name }) => extname(name).toLowerCase()),
    contents.map(({ name }) => name),
    contents.map(({ key }) => key),
    byName,
  ]);
  const runs = new Map(candidates.map((each) => [childRunId(each.execution_id, each.key), each]));
  if (runs.size === 0) return new Map();
  const ids = [...runs.keys()].sort();
  const { from, to } = familyRange(ids);
  const rows = await database.query<ResultRow>(FIND_RESULTS, [ids, from, to]);
  const newest = new Map<string, ResultRow>();
  for (const row of rows) {
    const candidate = runs.get(row.id)!;
    // The name by which it was read is that of the run's file, not that of another file of the same content.
    const isOfThatFile = row.file_id === candidate.file_id;
    if (isOfThatFile && !newest.has(candidate.key)) newest.set(candidate.key, row);
  }
  return newest;
}

/**
 * The result under the new execution; what lies in the file store is copied, to be committed or discarded. Null: there is none that
 * can be read, the file has to be run.
 */
export async function takeOver(
  store: FileStore,
  executionId: string,
  file: KeyedFile,
  { output, origin, task, queue, max_attempts, soft_limit_ms, hard_limit_ms }: ResultRow,
): Promise<ReusedResult | null> {
  const id = childRunId(executionId, file.key);
  const run = { task, queue, max_attempts, soft_limit_ms, hard_limit_ms };
  const common = { id, key: file.key, file_id: file.id, reusedFrom: origin, run };
  if ('inline' in output) return isFileOutput(output.inline) ? { ...common, output, object: null } : null;
  const name = `outputs/${id}-0`;
  const object = await copyObject(store, output, name);
  return object && { ...common, output: { ...output, ref: name }, object };
}

function isFileOutput(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && 'output' in value;
}

/** Null when the object is gone: then the file is computed again. */
async function copyObject(
  store: FileStore,
  { ref, size }: Extract<Output, { ref: string }>,
  name: string,
): Promise<PendingObject | null> {
  const [bytes] = await store.readSlices([{ object: ref, offset: 0, size }]);
  if (!bytes) return null;
  const copy = await store.begin(name);
  await copy.append(bytes);
  return copy;
}

/** Several objects that get their names, or go, together. */
export function together(objects: readonly (PendingObject | null)[]): PendingObject | null {
  const all = objects.filter((object) => object !== null);
  const [first] = all;
  if (first === undefined || all.length === 1) return first ?? null;
  return {
    get size() {
      return all.reduce((sum, { size }) => sum + size, 0);
    },
    append: (chunk) => first.append(chunk),
    async commit() {
      for (const object of all) await object.commit();
    },
    async discard() {
      for (const object of all) await object.discard();
    },
  };
}

import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  allowedFolders,
  allowedHosts,
  createHttpSource,
  createWebAccess,
  createWebhookSender,
} from '@longshore/connectors';
import {
  apiError,
  type KnownFile,
  type OpenedCredential,
  type PipelineFile,
  type SkipReason,
  type WorkflowDefinition,
} from '@longshore/contracts';
import type { Task, TaskContext } from '@longshore/tasks';
import type { PipelineMeans } from './pipeline-settings.ts';
import { createPlaces } from './places.ts';

export const EXECUTION = '01a20172-dd9d-7303-89fd-000000000001';

/** What pipelines may reach: these folders, and these hosts of this machine. */
export function meansOf({ folders = [] as string[], hosts = [] as string[] } = {}): PipelineMeans {
  const access = { hosts, allowHttp: true };
  return {
    folders: allowedFolders(folders),
    addresses: createHttpSource(access),
    web: createWebAccess(access),
    databases: allowedHosts(hosts, 'PIPELINE_HOSTS', [5432]),
    connections: createPlaces(4),
    webhooks: createWebhookSender(access),
    ...{ fetchTimeoutMs: 5_000, maxFileBytes: 100 },
  };
}

export interface BackendOptions {
  /** Files that are skipped once they were read. */
  readonly skips?: Readonly<Record<string, SkipReason>>;
  readonly credentials?: Readonly<Record<string, OpenedCredential>>;
  readonly definition?: WorkflowDefinition;
  readonly executionId?: string;
  /** What is found in a file. Default: where it comes from. */
  readonly output?: (fileId: string) => unknown;
}

/** A backend that takes what it is given, but for what it is told to skip; and remembers what it was told. */
export function createContext({
  skips = {},
  credentials = {},
  definition = { steps: [{ read: {} }] },
  executionId = EXECUTION,
  output = (from) => ({ from }),
}: BackendOptions = {}) {
  const told = {
    taken: new Map<string, string>(),
    marks: new Map<string, string | undefined>(),
    listed: [] as object[],
    settled: [] as { delivered: string[]; failed: string[] }[],
  };
  const known = new Map<string, KnownFile & { mark: string }>();
  let files: readonly PipelineFile[] = [];
  const ignore = () => undefined;
  const given = {
    run: { executionId },
    signal: new AbortController().signal,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    progress: ignore,
    workflowDefinition: async () => definition,
    pipelineFiles: {
      known: async (asked: { path: string; mark: string }[]) =>
        asked.flatMap(({ path, mark }) => (known.get(path)?.mark === mark ? [known.get(path)!] : [])),
      credential: async (name: string) => {
        const found = credentials[name];
        if (found === undefined) throw apiError('not_found', 'There is none');
        return found;
      },
      take: async ({ path, mark }: { path: string; mark?: string }, open: () => Readable) => {
        const content = await text(open());
        const skipped = skips[path] ?? null;
        if (content === 'too large') throw apiError('too_large', 'The file is larger than 3 bytes');
        if (content === 'backend is down') throw apiError('unavailable', 'Later');
        told.marks.set(path, mark);
        if (skipped === null) told.taken.set(path, content);
        return { file_id: `id of ${path}`, size: content.length, sha256: `hash of ${content}`, skipped };
      },
      listed: async (request: object) => void told.listed.push(request),
      after: async (ordinal: number) => files.filter((file) => file.ordinal > ordinal).slice(0, 2),
      result: async (id: string) => {
        if (id === 'unreadable') throw apiError('not_found', 'Nothing can be read');
        return { output: output(id), problems: [], document: null };
      },
      settle: async ({ delivered, failed }: { delivered: string[]; failed: string[] }) =>
        void told.settled.push({ delivered: delivered.toSorted(), failed }),
    },
  };
  return {
    told,
    known,
    context: given as unknown as TaskContext,
    holding: (all: readonly PipelineFile[]) => void (files = all),
  };
}

export function run(task: Task, input: unknown, given: TaskContext): Promise<unknown> {
  const parsed = task.parse(input);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return Promise.resolve(task.handle(parsed.input, given));
}

/** A file of an execution, as it stands when that is finished. */
export const file = (name: string, changes: Partial<PipelineFile> = {}): PipelineFile => ({
  ...{ file_id: `id of ${name}`, ordinal: 0, path: name, size: 1, sha256: 'x', held: true },
  ...{ state: 'succeeded', error: null, ...changes },
});

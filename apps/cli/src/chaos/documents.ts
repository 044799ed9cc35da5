import { join } from 'node:path';
import type { ApplyRequest } from '@longshore/contracts';
import type { Random } from './random.ts';

/** A file to send, and what must be found in it. */
export interface ChaosFile {
  readonly name: string;
  readonly content: string;
  /** Undefined: it must fail, for what is required is not in it. */
  readonly output: ExpectedOutput | undefined;
}

export interface ExpectedOutput {
  readonly number: string;
  readonly total: number;
}

/** The deployment to which the files are sent. */
export const API_NAME = 'chaos';

/** What makes that deployment. */
export const chaosDocuments: ApplyRequest['documents'] = [
  {
    kind: 'workflow',
    name: API_NAME,
    steps: [
      { read: {} },
      {
        extract: {
          fields: {
            number: { type: 'string', required: true, label: 'Invoice number' },
            total: { type: 'number', required: true, label: 'Total due' },
          },
        },
      },
    ],
  },
  { kind: 'deployment', api_name: API_NAME, workflow: API_NAME, settings: { max_parallel_files: 3 } },
];

/** A pipeline that reads a folder, and where its results go. */
export interface ChaosPipeline {
  readonly id: string;
  readonly source: string;
  readonly destination: ChaosDestination;
}

export type ChaosDestination = { readonly folder: string } | { readonly table: string };

/** Pipelines whose folders lie below this one, two that write files and one that writes rows; each has one client. */
export function chaosPipelines(folder: string): ChaosPipeline[] {
  return [1, 2, 3].map((number) => {
    const id = `${API_NAME}-pipeline-${number}`;
    const destination = number < 3 ? { folder: join(folder, id, 'out') } : { table: 'chaos_results' };
    return { id, source: join(folder, id, 'in'), destination };
  });
}

/** What makes them. */
export function pipelineDocuments(pipelines: readonly ChaosPipeline[]): ApplyRequest['documents'] {
  return pipelines.map(({ id, source, destination }) => ({
    kind: 'pipeline',
    pipeline_id: id,
    workflow: API_NAME,
    source: { folder: { path: source } },
    destination:
      'folder' in destination
        ? { folder: { path: destination.folder } }
        : { postgresql: { table: destination.table, credential: RESULTS } },
    settings: { max_parallel_files: 3 },
  }));
}

/** The database that gets the rows, and the credential by which it is reached. */
export const RESULTS = 'results';

/** What lets pipelines into the database at this address. */
export function resultsCredential(databaseUrl: string): ApplyRequest['documents'][number] {
  const { hostname: host, port, username: user, password, pathname } = new URL(databaseUrl);
  const values = { host, port, user, password: decodeURIComponent(password), database: pathname.slice(1) };
  return { kind: 'credential', name: RESULTS, type: 'postgresql', values: { ...values, tls: 'off' } };
}

const MOST_FILES = 5;

/** The files of one execution. `tag` tells their contents from those of all others. */
export function makeFiles(tag: string, random: Random): ChaosFile[] {
  const files = Array.from({ length: random.between(1, MOST_FILES) }, (_, index) =>
    makeFile(`${tag}-${index}`, random),
  );
  const first = files[0]!;
  // The same content under a second name: computed once, reported twice.
  return random.next() < 0.15 ? [...files, { ...first, name: `again-${first.name}` }] : files;
}

function makeFile(number: string, random: Random): ChaosFile {
  const cents = random.between(1, 99_999_999);
  const isIncomplete = random.next() < 0.08;
  const lines = random.next() < 0.2 ? random.between(2_000, 20_000) : random.between(5, 40);
  const text = [
    `Invoice number: ${number}`,
    ...Array.from({ length: lines }, (_, line) => `${line + 1}. Mooring at berth ${line % 97}, one night`),
    ...(isIncomplete ? [] : [`Total due: ${(cents / 100).toFixed(2)}`]),
  ];
  return {
    name: `${number}.txt`,
    content: `${text.join('\n')}\n`,
    output: isIncomplete ? undefined : { number, total: cents / 100 },
  };
}

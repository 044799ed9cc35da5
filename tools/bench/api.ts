import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from '../src/run-steps.ts';
import { measureList, measurePosts, measureUploads, type UploadFigures } from './api-measure.ts';
import { insertHistory } from './history.ts';
import { prepareDeployment } from './measure.ts';
import { startMeasuredPlatform } from './platform.ts';
import { quantile } from './statistics.ts';

const USAGE = `Measures the public API on embedded storage and writes docs/benchmarks-api.md.

  npm run bench:api                          uploads, POSTs, lists among 10,000 and 1,000,000 executions; about five minutes
  npm run bench:api -- --executions 100000   lists among fewer; writes nothing
`;

const UPLOADS = { clients: 50, uploads: 150, mebibytes: 20 };
const POSTS = { clients: 20, posts: 2_000 };
const FEW = 10_000;
const MANY = 1_000_000;
const LIST_SAMPLES = 60;

const LISTS: readonly (readonly [what: string, query: string])[] = [
  ['the newest 100', 'limit=100'],
  ['those that failed', 'status=ERROR&limit=100'],
  ['with a tag', 'tag=monthly&limit=100'],
  ['of one week, completed', `status=COMPLETED&limit=100&since=${ago(14)}&until=${ago(7)}`],
  ['by the name of a file', 'q=invoice-4711&limit=100'],
  ['unfinished', 'status=EXECUTING&limit=100'],
];

function ago(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}

async function lists(executions: number): Promise<number[][]> {
  const platform = await startMeasuredPlatform({ concurrency: 4 });
  try {
    await prepareDeployment(platform);
    await insertHistory(platform.databaseUrl, executions);
    const times: number[][] = [];
    for (const [, query] of LISTS) times.push(await measureList(platform, query, LIST_SAMPLES));
    return times;
  } finally {
    await platform.stop();
  }
}

async function intake(): Promise<{ uploads: UploadFigures; posts: number[] }> {
  const platform = await startMeasuredPlatform({ concurrency: 4 });
  try {
    await prepareDeployment(platform);
    const posts = await measurePosts(platform, POSTS);
    return { posts, uploads: await measureUploads(platform, UPLOADS) };
  } finally {
    await platform.stop();
  }
}

interface ApiFigures {
  readonly uploads: UploadFigures;
  readonly posts: readonly number[];
  readonly few: readonly number[][];
  readonly many: readonly number[][];
}

function page({ uploads, posts, few, many }: ApiFigures, executions: number): string {
  const of = (times: readonly number[] | undefined) =>
    `${quantile(times ?? [], 0.5).toFixed(1)} / ${quantile(times ?? [], 0.95).toFixed(1)}`;
  const rows = LISTS.map(([what], index) => `| ${what} | ${of(few[index])} | ${of(many[index])} |`);
  return `# Benchmarks of the API

Written by \`npm run bench:api\`. ${availableParallelism()} cores, Node ${process.versions.node}, embedded storage, everything on loopback and sharing the cores with the load
generator and the workers, which process what is accepted meanwhile.

- ${UPLOADS.clients} clients that upload files of ${UPLOADS.mebibytes} MiB: ${uploads.requestsPerSecond.toFixed(1)} requests a second, ${uploads.mebibytesPerSecond.toFixed(0)} MiB a second; memory (PSS) of the backend ${uploads.memoryBefore.toFixed(0)} MiB before, ${uploads.memoryHighest.toFixed(0)} MiB at its highest.
- POST of one small file without waiting, ${POSTS.clients} clients: p50 ${quantile(posts, 0.5).toFixed(1)} ms, p99 ${quantile(posts, 0.99).toFixed(1)} ms.

A page of executions, p50 / p95 in ms, among ${FEW.toLocaleString('en')} and among ${executions.toLocaleString('en')}:

| list | ${FEW.toLocaleString('en')} | ${executions.toLocaleString('en')} |
|---|---|---|
${rows.join('\n')}
`;
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(USAGE);
  const executions = args.includes('--executions') ? Number(args[args.indexOf('--executions') + 1]) : MANY;
  const text = page(
    { ...(await intake()), few: await lists(FEW), many: await lists(executions) },
    executions,
  );
  process.stdout.write(text);
  if (executions === MANY) await writeFile(join(root, 'docs/benchmarks-api.md'), text);
}

await main(process.argv.slice(2));

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ExecutionDetail } from '@longshore/contracts';
import { type RootLogger, systemClock } from '@longshore/runtime';
import { describeChanges } from '../apply/describe-changes.ts';
import { type ApplyFile, readApplyFile } from '../apply/read-apply-file.ts';
import { CliError } from '../cli-error.ts';
import { createPlatformClient } from '../client/platform-client.ts';
import { submitFiles, watchExecution } from '../client/submit.ts';
import { applyFiles } from '../commands/apply.ts';
import type { Home } from '../home/home.ts';
import { duration } from '../output/duration.ts';
import { createProgress } from '../output/execution-progress.ts';
import { resultLines } from '../output/result-table.ts';
import type { Terminal } from '../output/terminal.ts';
import { type Platform, startPlatform } from '../platform/start-platform.ts';
import { throwAwaySettings } from '../platform/throw-away-settings.ts';
import { keepResult } from './keep-result.ts';

export interface DemoOptions {
  /** Held by the caller. */
  home: Home;
  /** Folder with `invoices.yaml` and the documents. */
  samples: string;
  /** Where the result is kept. */
  resultFile: string;
  terminal: Terminal;
  /** Whether the execution is told as JSON. */
  json: boolean;
  logger: RootLogger;
  signal: AbortSignal;
}

const APPLY_FILE = 'invoices.yaml';
/** A demo that is interrupted has nothing worth waiting for. */
const GRACE_MS = 3_000;

/** Starts a platform, gives it the sample documents and shows what it found. Throws when that is not COMPLETED. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { terminal, home, samples, logger, signal } = options;
  const file = await readApplyFile(join(samples, APPLY_FILE));
  const documents = sampleDocuments(samples);
  const settings = throwAwaySettings(home, GRACE_MS);
  const startedAt = performance.now();
  const platform = await startPlatform({ settings, logger, signal, onStep: terminal.status });
  try {
    terminal.err(`Longshore is ready at ${platform.url} after ${duration(performance.now() - startedAt)}.`);
    const detail = await processSamples(platform, { ...options, file, documents });
    report(detail, fieldNames(file), options);
  } finally {
    terminal.status('stopping');
    await platform.stop();
    terminal.status('');
  }
}

function sampleDocuments(samples: string): string[] {
  const entries = readdirSync(samples, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && isDocument(entry.name)).map(({ name }) => name);
  if (names.length === 0) throw new CliError(`There are no sample documents in ${samples}.`);
  return names.sort().map((name) => join(samples, name));
}

function isDocument(name: string): boolean {
  return !name.startsWith('.') && !/\.ya?ml$/i.test(name) && !/^README/i.test(name);
}

interface Work extends DemoOptions {
  file: ApplyFile;
  documents: string[];
}

async function processSamples({ url, credentials }: Platform, work: Work): Promise<ExecutionDetail> {
  const { file, documents, terminal, signal } = work;
  const { organisation, admin_key: adminKey, api_key: apiKey } = credentials;
  const admin = createPlatformClient({ url, key: adminKey });
  const applied = await applyFiles([file], { client: admin, organisation });
  for (const line of describeChanges(applied)) terminal.err(line);
  const apiName = file.documents.find((document) => document.kind === 'deployment')?.api_name;
  if (apiName === undefined) throw new CliError(`${file.name} holds no deployment to send the documents to.`);

  terminal.err(`Sending ${documents.length} documents to ${apiName}:`);
  const client = createPlatformClient({ url, key: apiKey });
  const executionId = await submitFiles(client, { organisation, apiName, files: documents, signal });
  return await watchExecution(executionId, {
    client,
    clock: systemClock,
    signal,
    onProgress: createProgress(terminal),
  });
}

/** In the order in which the workflows name them. */
function fieldNames({ documents }: ApplyFile): string[] {
  const workflows = documents.filter((document) => document.kind === 'workflow');
  return workflows.flatMap(({ steps }) => steps).flatMap(({ extract }) => Object.keys(extract?.fields ?? {}));
}

function report(
  detail: ExecutionDetail,
  fields: readonly string[],
  { terminal, resultFile, json }: DemoOptions,
): void {
  const kept = keepResult(detail.result, resultFile);
  const lines = json
    ? [JSON.stringify({ ...detail, result_file: kept })]
    : [
        ...['', ...resultLines(detail, terminal, fields), ''],
        `${detail.successful_files} of ${detail.total_files} files read. The whole result: ${kept}`,
      ];
  lines.forEach(terminal.out);
  if (detail.status !== 'COMPLETED') {
    throw new CliError(`The demo ended as ${detail.status}: ${detail.error ?? 'see the reasons above'}`);
  }
}

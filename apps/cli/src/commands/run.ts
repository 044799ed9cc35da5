import type { Command } from 'commander';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { createExecutionReader } from '../client/read-execution.ts';
import { duration } from '../output/duration.ts';
import { oneLine } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { filesToRun } from '../run/files-to-run.ts';
import { type FoundTarget, namedTarget, targetOf } from '../run/find-target.ts';
import { createPatience } from '../run/patience.ts';
import { openResults } from '../run/results-file.ts';
import { type BatchCounts, type BatchOptions, runBatch } from '../run/run-batch.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { wholeNumber } from './number-option.ts';

interface RunFlags extends ConnectionFlags {
  workflow?: string;
  deployment?: string;
  organisation: string;
  output: string;
  parallel: number;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore run -w invoices.yaml 'invoices/*.pdf' -o results.jsonl
  longshore run -w invoices.yaml inbox archive/2025 -o results.jsonl     folders: all files below them
  longshore run -w invoices.yaml 'invoices/*.pdf' -o results.jsonl       again: goes on where it was
  longshore run --deployment acme/invoices inbox -o results.jsonl --parallel 16
  longshore run -w invoices.yaml inbox -o results.jsonl --json | jq .failed

Each line of the results is {"file", "sha256", "status": "succeeded" | "failed", "output", "error", "execution_id"}. A file that has
its line, by path and content, is left alone.`;

const DEFAULT_PARALLEL = 8;

/** Adds `longshore run`. */
export function addRun(program: Command, terminal: Terminal): void {
  const command = program
    .command('run')
    .summary('process many files, and gather the results in one file')
    .description(
      'Sends files to the running platform and writes one JSON line for each as it ends. Stopped or killed and run again with the same ' +
        'results, it goes on where it was: each file gets one line and is processed once. Exit code 0 when all succeeded, 1 when some ' +
        'failed, 5 when it was stopped before the end.',
    )
    .argument('<files...>', "files, folders, or patterns such as 'invoices/*.pdf'")
    .option('-w, --workflow <file>', 'YAML file of the workflow; its deployment is made, or used again')
    .option('--deployment <name>', 'instead of -w: a deployment that is there, as organisation/name')
    .requiredOption('-o, --output <file>', 'file for the results, one JSON line for each file')
    .option('--parallel <number>', 'so many executions at once', wholeNumber, DEFAULT_PARALLEL)
    .option('--org, --organisation <name>', 'organisation of the workflow', 'default')
    .option('--admin-key <key>', 'to make the deployment of -w (default: as for other commands)')
    .option('--json', 'print a summary as JSON')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command, "organisation's or deployment's key").action(
    (named: string[], flags: RunFlags) => run(named, flags, terminal),
  );
}

async function run(named: readonly string[], flags: RunFlags, terminal: Terminal): Promise<void> {
  if ((flags.workflow === undefined) === (flags.deployment === undefined))
    throw usageError('Say what to do with the files: with -w FILE or with --deployment ORGANISATION/NAME.');
  const files = filesToRun(named, flags.output);
  const results = openResults(flags.output);
  try {
    const found = await targetFor(flags);
    for (const change of found.changes) terminal.err(change);
    const begunAt = performance.now();
    const means = { files, results, flags, terminal, target: found.target };
    const { counts, wasStopped } = await whileNobodyStops((signals) => batch(means, signals), terminal);
    conclude(counts, { flags, terminal, wasStopped, tookMs: performance.now() - begunAt });
  } finally {
    results.close();
  }
}

async function targetFor(flags: RunFlags): Promise<FoundTarget> {
  const { workflow, deployment, organisation } = flags;
  if (workflow === undefined) return namedTarget(deployment!, organisation);
  return await targetOf(workflow, { client: connect('admin', flags), organisation });
}

interface Signals {
  /** Nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Nothing is waited for any more. */
  readonly signal: AbortSignal;
}

type BatchMeans = Pick<BatchOptions, 'files' | 'results' | 'target'> & {
  flags: RunFlags;
  terminal: Terminal;
};

function batch({ flags, terminal, ...means }: BatchMeans, signals: Signals): Promise<Readonly<BatchCounts>> {
  const client = connect('organisation', flags);
  const { organisation: org, apiName } = means.target;
  return runBatch({
    ...means,
    ...signals,
    client,
    read: createExecutionReader(client, { org, api_name: apiName }),
    patience: createPatience({ signal: signals.signal, tell: terminal.err }),
    parallel: flags.parallel,
    told: ({ line, problem, counts }) => {
      if (problem !== undefined) terminal.err(problem);
      if (line?.status === 'failed') terminal.err(oneLine(`failed: ${line.file}: ${line.error}`));
      terminal.status(progressOf(counts));
    },
  });
}

const BAR = 24;

function progressOf({ files, succeeded, failed, unreadable, underWay }: BatchCounts): string {
  const ended = succeeded + failed + unreadable;
  const filled = Math.floor((ended / Math.max(1, files)) * BAR);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
  return `  ${bar} ${ended} of ${files} files, ${failed + unreadable} failed, ${underWay} under way`;
}

/** The first signal stops what has not begun, the second one all. */
async function whileNobodyStops(
  work: (signals: Signals) => Promise<Readonly<BatchCounts>>,
  terminal: Terminal,
): Promise<{ counts: Readonly<BatchCounts>; wasStopped: boolean }> {
  const [stopping, ending] = [new AbortController(), new AbortController()];
  const onSignal = (): void => {
    if (stopping.signal.aborted)
      return ending.abort(
        new CliError('Stopped: run it again to go on.', { exitCode: exitCodes.unfinished }),
      );
    stopping.abort();
    terminal.err('Waiting for what is under way; once more stops at once. Run it again to go on.');
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const counts = await work({ stopping: stopping.signal, signal: ending.signal });
    return { counts, wasStopped: stopping.signal.aborted };
  } catch (error) {
    // Whatever was interrupted says so in words of its own.
    ending.signal.throwIfAborted();
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    terminal.status('');
  }
}

interface Conclusion {
  readonly flags: RunFlags;
  readonly terminal: Terminal;
  readonly wasStopped: boolean;
  readonly tookMs: number;
}

/** @throws CliError unless all succeeded */
function conclude(counts: Readonly<BatchCounts>, { flags, terminal, wasStopped, tookMs }: Conclusion): void {
  const { files, succeeded, failed, known, unreadable } = counts;
  const left = files - succeeded - failed - unreadable;
  const summary = { files, succeeded, failed, unreadable, left, known, output: flags.output };
  const before = known === 0 ? '' : `, ${known} of them before`;
  const line = `${succeeded} succeeded, ${failed + unreadable} failed, ${left} left${before}: ${flags.output} (${duration(tookMs)})`;
  terminal.out(flags.json ? JSON.stringify({ ...summary, took_ms: Math.round(tookMs) }) : line);
  if (wasStopped && left > 0)
    throw new CliError(`${left} files are left: run it again to go on.`, { exitCode: exitCodes.unfinished });
  if (failed + unreadable > 0)
    throw new CliError(`${failed + unreadable} of ${files} files failed: their lines say why.`);
}

import { coreWorkerNames } from '@longshore/contracts';

/** What `--help` shows of several workers in one process. */
export function packedHelp(): string {
  return `Several workers of Longshore in one process, for small machines: ${coreWorkerNames.join(', ')}, or those that are named.

  -c, --concurrency <n>    runs at once of each worker, 1 to 1000 (WORKER_CONCURRENCY)
      --autoscale <x,n>    up to x runs at once of each worker while work waits, n when idle
  -p, --port <port>        port of the health server (default: that of the first worker, or the next free one)
  -l, --log-level <level>  DEBUG, INFO, WARNING or ERROR (LOG_LEVEL; default INFO)
  -V, --version            the release that it belongs to
  -h, --help

Each worker has the settings, the key, the queues and the slots that it has in a process of its own. In INTERNAL_SERVICE_API_KEY_FILE
\`<worker>\` stands for the name of each. Task files (TASKS_DIR) are not loaded: a general worker that has some runs by itself.

Exit codes: 0 when it was told to stop, 1 after a failure, 86 when a run did not end within its hard limit and the
process wants to be started anew.

Examples:
  node dist/apps/packed/main.js
  node dist/apps/packed/main.js api-deployment callback -l DEBUG
`;
}

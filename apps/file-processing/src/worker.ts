import { availableParallelism } from 'node:os';
import { coreWorker, type WorkerSpec } from '@longshore/tasks';
import { createProcessFile } from './process-file.ts';
import { recognitionMeans } from './reading/recognition-means.ts';
import { createReadingPool } from './reading/reading-pool.ts';

/** The worker that reads and structures files: all but small plain texts in threads. */
export const worker: WorkerSpec = {
  ...coreWorker('file-processing'),
  tasks: ({ concurrency, onStop, step }) => {
    const threads = Math.min(concurrency, availableParallelism());
    const pool = createReadingPool({ threads, ...recognitionMeans() });
    onStop('reading pool', () => pool.close());
    return [createProcessFile({ process: (...file) => step('read', () => pool.process(...file)) })];
  },
  sparesMainLoop: true,
};

import { availableParallelism } from 'node:os';
import { OCR_CONFIG_KEYS, recognitionMeans } from '@longshore/recognition';
import { loadConfig } from '@longshore/runtime';
import { coreWorker, type WorkerSpec } from '@longshore/tasks';
import { createProcessFile } from './process-file.ts';
import { createReadingPool } from './reading/reading-pool.ts';

/** The worker that reads and structures files: all but small plain texts in threads. */
export const worker: WorkerSpec = {
  ...coreWorker('file-processing'),
  tasks: ({ concurrency, onStop, step }) => {
    const threads = Math.min(concurrency, availableParallelism());
    const pool = createReadingPool({ threads, ...recognitionMeans(loadConfig(OCR_CONFIG_KEYS)) });
    onStop('reading pool', () => pool.close());
    return [createProcessFile({ process: (...file) => step('read', () => pool.process(...file)) })];
  },
  sparesMainLoop: true,
};

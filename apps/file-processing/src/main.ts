import { availableParallelism } from 'node:os';
import { runWorker } from '@longshore/tasks';
import { createProcessFile } from './process-file.ts';
import { createReadingPool } from './reading/reading-pool.ts';

await runWorker({
  name: 'file-processing',
  defaultHealthPort: 8082,
  defaultConcurrency: 4,
  defaultMinConcurrency: 1,
  tasks: ({ concurrency, onStop }) => {
    const pool = createReadingPool({ threads: Math.min(concurrency, availableParallelism()) });
    onStop('reading pool', () => pool.close());
    return [createProcessFile(pool)];
  },
});

import { runWorker } from '@longshore/tasks';
import { worker } from './worker.ts';

await runWorker(worker);

import type { CoreWorkerName } from '@longshore/contracts';
import { runPacked, type WorkerSpec } from '@longshore/tasks';

/** Where the workers lie: each in its app in development, beside this bundle in production. No app imports an app; this one is told which. */
const moduleOf = (kind: CoreWorkerName): string =>
  import.meta.url.endsWith('.ts') ? `../../${kind}/src/worker.ts` : `./worker-${kind}.js`;

await runPacked({
  load: async (kind) => ((await import(moduleOf(kind))) as { worker: WorkerSpec }).worker,
});

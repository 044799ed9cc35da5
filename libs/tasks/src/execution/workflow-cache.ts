import { workerRoutes as routes } from '@longshore/contracts';
import type { WorkflowDefinition } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';

const CAPACITY = 64;

/** Definitions by version: a version never changes, so the process asks once. */
export interface WorkflowCache {
  get(versionId: string, runToken: string): Promise<WorkflowDefinition>;
}

/** Keeps the definitions of the versions that were used last. */
export function createWorkflowCache(client: Pick<BackendClient, 'call'>): WorkflowCache {
  const kept = new Map<string, Promise<WorkflowDefinition>>();
  const fetch = async (id: string, runToken: string): Promise<WorkflowDefinition> => {
    const { definition } = await client.call(routes.workflowVersion, { params: { id }, runToken });
    return definition;
  };
  return {
    get: (versionId, runToken) => {
      const definition = kept.get(versionId) ?? fetch(versionId, runToken);
      // A map keeps the order of insertion: put back at its end, the first is the one not used for longest.
      kept.delete(versionId);
      kept.set(versionId, definition);
      definition.catch(() => kept.delete(versionId));
      const [oldest] = kept.keys();
      if (kept.size > CAPACITY && oldest !== undefined) kept.delete(oldest);
      return definition;
    },
  };
}

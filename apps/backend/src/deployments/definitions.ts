import { dependsOnFileName, type WorkflowDefinition } from '@longshore/contracts';
import type { Database } from '../store/database.ts';

/** The definition of a workflow version, with what is asked of it for every request. */
export interface KnownDefinition {
  readonly definition: WorkflowDefinition;
  /** Whether the same content under another name may give another output. */
  readonly dependsOnFileName: boolean;
}

/** By the id of the version; null when there is none. */
export type Definitions = (versionId: string) => Promise<KnownDefinition | null>;

const MOST_KEPT = 500;

/** Versions never change, so what was read once is kept. */
export function createDefinitions(database: Database): Definitions {
  const kept = new Map<string, KnownDefinition>();
  return async (versionId) => {
    const known = kept.get(versionId);
    if (known !== undefined) return known;
    const [row] = await database.query<{ definition: WorkflowDefinition }>(
      'select definition from workflow_versions where id = $1',
      [versionId],
    );
    if (row === undefined) return null;
    if (kept.size >= MOST_KEPT) kept.clear();
    const read = { definition: row.definition, dependsOnFileName: dependsOnFileName(row.definition) };
    kept.set(versionId, read);
    return read;
  };
}

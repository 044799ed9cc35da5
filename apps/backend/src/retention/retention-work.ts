import type { PeriodicWork } from '../periodic.ts';
import { createOrganisationDeletions } from './organisation-deletion.ts';
import { retentionHours, type RetentionSettings } from './policy.ts';
import { createRetention, removeAllDoomed, type RetentionDependencies } from './retention-job.ts';

const RETENTION_EVERY_MS = 600_000;
/** A request to delete is begun within about this time; a look costs one row of a small table. */
const DELETIONS_EVERY_MS = 2_000;

/** What a backend does again and again so that nothing is kept longer than it should be. */
export function retentionWork(
  dependencies: RetentionDependencies,
  settings: RetentionSettings,
): PeriodicWork[] {
  const carryOnDeletions = createOrganisationDeletions(dependencies);
  return [
    {
      label: 'retention',
      everyMs: RETENTION_EVERY_MS,
      run: createRetention(dependencies, retentionHours(settings)),
    },
    {
      label: 'deletions',
      everyMs: DELETIONS_EVERY_MS,
      run: async (signal) => {
        await carryOnDeletions(signal);
        await removeAllDoomed(dependencies, signal);
      },
    },
  ];
}

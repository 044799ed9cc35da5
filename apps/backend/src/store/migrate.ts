import type { Logger } from '@longshore/runtime';
import type { Database } from './database.ts';
import { initial } from './migrations/0001-initial.ts';
import { intake } from './migrations/0002-intake.ts';
import { keysAndAudit } from './migrations/0003-keys-and-audit.ts';
import { nativeApi } from './migrations/0004-native-api.ts';
import { cancel } from './migrations/0005-cancel.ts';
import { retention } from './migrations/0006-retention.ts';
import { skippedTaskFiles } from './migrations/0007-skipped-task-files.ts';
import { workflowVersions } from './migrations/0008-workflow-versions.ts';
import { pipelines } from './migrations/0009-pipelines.ts';
import { replay } from './migrations/0010-replay.ts';
import { tasks } from './migrations/0011-tasks.ts';
import { schedules } from './migrations/0012-schedules.ts';
import { waitingLines } from './migrations/0012-waiting-lines.ts';
import { limits } from './migrations/0013-limits.ts';
import { webhooks } from './migrations/0014-webhooks.ts';
import { credentials } from './migrations/0015-credentials.ts';
import { traces } from './migrations/0017-traces.ts';
import { endings } from './migrations/0018-endings.ts';

/** In order; a migration that was released is never edited, only followed. */
export const migrations: readonly { name: string; sql: string }[] = [
  { name: '0001-initial', sql: initial },
  { name: '0002-intake', sql: intake },
  { name: '0003-keys-and-audit', sql: keysAndAudit },
  { name: '0004-native-api', sql: nativeApi },
  { name: '0005-cancel', sql: cancel },
  { name: '0006-retention', sql: retention },
  { name: '0007-skipped-task-files', sql: skippedTaskFiles },
  { name: '0008-workflow-versions', sql: workflowVersions },
  { name: '0009-pipelines', sql: pipelines },
  { name: '0010-replay', sql: replay },
  { name: '0011-tasks', sql: tasks },
  { name: '0012-schedules', sql: schedules },
  { name: '0012-waiting-lines', sql: waitingLines },
  { name: '0013-limits', sql: limits },
  { name: '0014-webhooks', sql: webhooks },
  { name: '0015-credentials', sql: credentials },
  { name: '0017-traces', sql: traces },
  { name: '0018-endings', sql: endings },
];

/** Any number; the same for every backend, so that two of them never migrate at once. */
const MIGRATION_LOCK = 7_061_982;

/**
 * Brings the database to this release's schema. Safe to call from several backends at once.
 *
 * @throws when the database was written by a newer release.
 */
export async function migrate(database: Database, logger: Logger): Promise<void> {
  await database.transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query(
      'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
    );
    const { rows } = await client.query<{ name: string }>('select name from schema_migrations');
    const applied = new Set(rows.map((row) => row.name));
    refuseNewerSchema(applied);
    for (const migration of migrations.filter(({ name }) => !applied.has(name))) {
      await client.query(migration.sql);
      await client.query('insert into schema_migrations (name) values ($1)', [migration.name]);
      logger.info('Applied migration', { migration: migration.name });
    }
  });
}

function refuseNewerSchema(applied: ReadonlySet<string>): void {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `the database was written by a newer release (${unknown.join(', ')}): upgrade this backend`,
    );
  }
}

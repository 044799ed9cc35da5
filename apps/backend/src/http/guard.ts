import { systemClock, type Logger } from '@longshore/runtime';
import { dropOldAuditEvents } from '../audit/audit-log.ts';
import { createCountedEvents } from '../audit/counted-events.ts';
import { createRequestAudit } from '../audit/request-audit.ts';
import type { Notifications } from '../events/notifications.ts';
import { createKeyChanges } from '../keys/key-changes.ts';
import { createKeyUse } from '../keys/key-use.ts';
import type { Keys } from '../keys/keys.ts';
import { createTrustedKeys } from '../keys/trusted-keys.ts';
import type { PeriodicWork } from '../periodic.ts';
import { createLiveAttempts } from '../runs/live-attempts.ts';
import type { RunTokens } from '../runs/run-tokens.ts';
import type { Database } from '../store/database.ts';
import { createAuthenticate } from './auth.ts';
import { createFailedAttempts } from './failed-attempts.ts';

export interface GuardDependencies {
  readonly database: Database;
  readonly notifications: Notifications;
  readonly keys: Keys;
  readonly tokens: RunTokens;
  readonly auditKeptDays: number;
  readonly logger: Logger;
}

const HOUR_MS = 3_600_000;

/** What stands before every route: who may pass, who did what, who was refused. */
export function createGuard(dependencies: GuardDependencies) {
  const { database, notifications, keys, tokens, auditKeptDays, logger } = dependencies;
  const monotonicMs = systemClock.monotonic;
  const changes = createKeyChanges(notifications);
  const keyUse = createKeyUse({ database });
  const counted = createCountedEvents({ database, logger, monotonicMs });
  const attempts = createFailedAttempts({ monotonicMs });
  const work: PeriodicWork[] = [
    { label: 'audit', everyMs: 1_000, run: counted.flush },
    { label: 'audit retention', everyMs: HOUR_MS, run: () => dropOldAuditEvents(database, auditKeptDays) },
    { label: 'key use', everyMs: 5_000, run: keyUse.flush },
  ];
  return {
    keyUse,
    work,
    authenticate: createAuthenticate({
      keys: createTrustedKeys({ keys, changes, monotonicMs }),
      keyUse,
      tokens,
      isLive: createLiveAttempts(database),
    }),
    audit: createRequestAudit({ database, keys, counted, attempts, logger }),
    /** Writes what was counted and noted. To be called when no request is served any more. */
    async stop() {
      await counted.flush();
      await keyUse.flush();
    },
  };
}

import { apiError, CONTRACT_VERSION, coreWorkerNames, routes } from '@longshore/contracts';
import type { Key } from '../keys/keys.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { createClaims } from '../runs/claims.ts';
import type { createReports } from '../runs/reports.ts';
import type { RunJournal } from '../runs/journal.ts';
import type { Session, Sessions } from './sessions.ts';

export interface InternalRoutesDependencies {
  readonly sessions: Sessions;
  readonly claim: ReturnType<typeof createClaims>;
  readonly report: ReturnType<typeof createReports>;
  readonly journal: RunJournal;
  /** Marks the broker as that of this platform. Undefined where it did not answer at once. */
  readonly markBroker: () => Promise<string | undefined>;
}

/** What workers call: sessions, claims, reports, progress and log lines. */
export function workerRoutes({
  sessions,
  claim,
  report,
  journal,
  markBroker,
}: InternalRoutesDependencies): MountedRoute[] {
  async function sessionOf(caller: Caller, id: string): Promise<Session> {
    const session = await sessions.require(id);
    refuseUnboundWorker(keyOf(caller), session.worker, session.queues);
    return session;
  }

  return [
    handle(routes.internalHealth, async () => {
      const mark = await markBroker();
      return {
        status: 'ok' as const,
        contract_version: CONTRACT_VERSION,
        worker_names: [...coreWorkerNames],
        ...(mark === undefined ? {} : { broker_mark: mark }),
      };
    }),
    handle(routes.registerSession, async ({ body, caller }) => {
      refuseUnboundWorker(keyOf(caller), body.worker, body.queues);
      return await sessions.register(body);
    }),
    handle(routes.heartbeat, async ({ params, body, caller }) =>
      sessions.heartbeat(await sessionOf(caller, params.id), body),
    ),
    handle(routes.endSession, async ({ params, caller }) => {
      await sessions.end(await sessionOf(caller, params.id));
      return { status: 'ok' as const };
    }),
    handle(routes.claim, async ({ body, caller }) =>
      claim(await sessionOf(caller, body.session_id), body.claims),
    ),
    handle(routes.report, async ({ body, caller }) => {
      await sessionOf(caller, body.session_id);
      return { answers: await report(body.reports) };
    }),
    handle(routes.progress, async ({ body }) => {
      await journal.progress(body.items);
      return { status: 'ok' as const };
    }),
    handle(routes.logLines, async ({ body }) => {
      await journal.log(body.items);
      return { status: 'ok' as const };
    }),
  ];
}

function keyOf(caller: Caller): Key {
  if (caller.kind !== 'key') throw apiError('permission_denied', 'This route needs a service key');
  return caller.key;
}

function refuseUnboundWorker(key: Key, worker: string, queues: readonly string[]): void {
  if (!key.workers.includes(worker)) {
    throw apiError('permission_denied', `This key may not act for the worker "${worker}"`, 'worker');
  }
  const foreign = queues.filter((queue) => !key.queues.includes(queue));
  if (foreign.length > 0) {
    throw apiError(
      'permission_denied',
      `This key may not serve the queues ${foreign.join(', ')}: serve them with a key that was made for them (longshore keys create … --queues ${foreign.join(',')})`,
      'queues',
    );
  }
}

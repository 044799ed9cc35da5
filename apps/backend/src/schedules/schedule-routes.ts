import {
  routes,
  scheduleFormSchema,
  validationError,
  type ChangeScheduleRequest,
  type CreateScheduleRequest,
  type Firing,
  type ScheduleDetail,
  type ScheduleForm,
} from '@longshore/contracts';
import type { Act } from '../audit/request-audit.ts';
import type { Pools } from '../dispatch/pools.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { maySee, oneOrganisation, visibleOrganisations } from '../native/visible-organisations.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { lineOf, warningOf } from '../tasks/submission.ts';
import type { TaskTypes } from '../tasks/task-types.ts';
import { refuseProblems, type CheckSchedule } from './check-schedule.ts';
import { fireNow } from './fire-now.ts';
import { listFirings } from './firings.ts';
import type { MakeRuns } from './new-runs.ts';
import { listSchedules, previewOf, readSchedule, unknownSchedule, viewOf } from './stored-schedules.ts';
import { holdSchedule, insertSchedule, updateSchedule, type HeldForm } from './write-schedule.ts';

export interface ScheduleRoutesDependencies {
  readonly database: Database;
  readonly types: TaskTypes;
  readonly pools: Pick<Pools, 'isServed'>;
  readonly check: CheckSchedule;
  readonly makeRuns: MakeRuns;
}

/** `/schedules`. */
export function scheduleRoutes(dependencies: ScheduleRoutesDependencies): MountedRoute[] {
  const { database } = dependencies;
  const detail = (id: string, caller: Caller, preview = 5) => detailOf(dependencies, { id, caller, preview });
  return [
    handle(routes.listSchedules, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      return await listSchedules(
        database,
        visible.map(({ id }) => id),
        query,
      );
    }),
    handle(routes.createSchedule, async ({ body, caller, response, act }) => {
      const id = await create(dependencies, body, { caller, act });
      response.status(201);
      return await detail(id, caller);
    }),
    handle(routes.schedule, async ({ params, query, caller }) => detail(params.id, caller, query.preview)),
    handle(routes.changeSchedule, async ({ params: { id }, body, caller, act }) => {
      const now = (await readSchedule(database, id, caller)).now;
      await change(dependencies, { id, caller, act }, async ({ form, paused }) => {
        const changed = withChanges(form, body);
        refuseProblems(await dependencies.check(changed, now));
        return { form: changed, paused };
      });
      return await detail(id, caller);
    }),
    handle(routes.pauseSchedule, async ({ params: { id }, caller, act }) => {
      await change(dependencies, { id, caller, act }, async ({ form }) => ({ form, paused: true }));
      return await detail(id, caller);
    }),
    handle(routes.resumeSchedule, async ({ params: { id }, caller, act }) => {
      await change(dependencies, { id, caller, act }, async ({ form }) => ({ form, paused: false }));
      return await detail(id, caller);
    }),
    handle(routes.deleteSchedule, async ({ params: { id }, caller, act }) => {
      await holding(database, { id, caller, act }, (client) =>
        client.query('delete from schedules where id = $1', [id]),
      );
      return { status: 'ok' as const };
    }),
    handle(routes.runSchedule, async ({ params: { id }, caller, act, response }): Promise<Firing> => {
      const { organisation_id: organisationId, name } = await readSchedule(database, id, caller);
      const fired = await fireNow(dependencies, id, (client) =>
        act.record(client, { target: name, organisationId }),
      );
      response.status(201);
      return fired;
    }),
    handle(routes.listFirings, async ({ params: { id }, query, caller }) => {
      await readSchedule(database, id, caller);
      return await listFirings(database, id, query);
    }),
  ];
}

interface Asked {
  readonly id: string;
  readonly caller: Caller;
}

async function detailOf(
  { database, types, pools }: ScheduleRoutesDependencies,
  { id, caller, preview }: Asked & { preview: number },
): Promise<ScheduleDetail> {
  const stored = await readSchedule(database, id, caller);
  const { task, priority = 0 } = stored.form;
  const type = task === undefined ? undefined : await types.find(task);
  const warning = type && warningOf(pools, { task: type.name, queue: lineOf(type.queue, priority).queue });
  return {
    ...viewOf(stored),
    next: previewOf(stored, preview),
    ...(warning === undefined ? {} : { warning }),
  };
}

async function create(
  { database, check }: ScheduleRoutesDependencies,
  { organisation, name, paused = false, ...form }: CreateScheduleRequest,
  { caller, act }: { caller: Caller; act: Act },
): Promise<string> {
  const { id: organisationId } = await oneOrganisation(database, caller, organisation);
  const [moment] = await database.query<{ now: Date }>('select now() as now');
  refuseProblems(await check(form, moment!.now));
  return await database.transaction(async (client) => {
    const id = await insertSchedule(client, { organisationId, name, form, paused });
    await act.record(client, { target: name, organisationId, detail: { schedule_id: id } });
    return id;
  });
}

/** Keys that are named replace what there is; null takes away. @throws ApiError 400 when the whole is no schedule. */
function withChanges(form: ScheduleForm, changes: ChangeScheduleRequest): ScheduleForm {
  const merged = Object.entries({ ...form, ...changes }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  const parsed = scheduleFormSchema.safeParse(Object.fromEntries(merged));
  if (!parsed.success) throw validationError(parsed.error.issues);
  return parsed.data;
}

type ActOf = Asked & { readonly act: Act };

async function change(
  { database }: ScheduleRoutesDependencies,
  asked: ActOf,
  decide: (held: HeldForm) => Promise<{ form: ScheduleForm; paused: boolean }>,
): Promise<void> {
  await holding(database, asked, async (client, held) => updateSchedule(client, held, await decide(held)));
}

/** Changes a schedule that nobody else changes or fires meanwhile. @throws ApiError 404 */
async function holding(
  database: Database,
  { id, caller, act }: ActOf,
  work: (client: SqlClient, held: HeldForm) => Promise<unknown>,
): Promise<void> {
  await database.transaction(async (client) => {
    const held = await holdSchedule(client, id);
    if (held === undefined || !maySee(caller, held.organisationId)) throw unknownSchedule();
    await work(client, held);
    await act.record(client, { target: held.name, organisationId: held.organisationId });
  });
}

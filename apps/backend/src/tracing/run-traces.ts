import type { Tracing } from '@longshore/runtime';
import type { Database, Statement } from '../store/database.ts';
import { deleteInSlices } from '../store/delete-in-slices.ts';

/**
 * Which trace the runs of a family belong to: that of the request which made them. It is written with the root run, in the
 * statement that writes that, and read once per backend, when its first run is claimed. Only requests that are recorded have one.
 */
export interface RunTraces {
  /** The `traceparent` of the request that is being answered; undefined for one that is not recorded. */
  current(): string | undefined;
  /** A part of the request that is being answered. */
  step<T>(name: string, act: () => Promise<T>): Promise<T>;
  /** To be called once the root run is committed. */
  remember(rootId: string, traceparent: string): void;
  /** Of those that this backend knows without a look into the database. */
  known(rootId: string): string | undefined;
  /** By the id of the root, of those that have one. */
  of(rootIds: readonly string[]): Promise<Record<string, string>>;
}

const MAX_REMEMBERED = 5_000;

export function createRunTraces(database: Database, tracing: Tracing): RunTraces {
  const known = new Map<string, string | null>();

  function remember(rootId: string, traceparent: string | null): void {
    known.set(rootId, traceparent);
    if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!);
  }

  async function read(rootIds: readonly string[]): Promise<void> {
    const rows = await database.query<{ run_id: string; traceparent: string }>(
      'select run_id, traceparent from run_traces where run_id = any($1::uuid[])',
      [rootIds],
    );
    const found = new Map(rows.map(({ run_id, traceparent }) => [run_id, traceparent]));
    for (const id of rootIds) remember(id, found.get(id) ?? null);
  }

  return {
    current: () => {
      const span = tracing.current();
      return span?.isRecorded === true ? span.traceparent : undefined;
    },
    step: (name, act) => (tracing.current()?.isRecorded === true ? tracing.span(name, {}, act) : act()),
    remember,
    known: (rootId) => known.get(rootId) ?? undefined,
    async of(rootIds) {
      const unknown = rootIds.filter((id) => !known.has(id));
      if (unknown.length > 0) await read(unknown);
      const traced = rootIds.flatMap((id): [string, string][] => {
        const traceparent = known.get(id);
        return typeof traceparent === 'string' ? [[id, traceparent]] : [];
      });
      return Object.fromEntries(traced);
    },
  };
}

const NOTED = `noted_traces as (
  insert into run_traces (run_id, organisation_id, traceparent)
  select (r ->> 'id')::uuid, (r ->> 'organisation_id')::uuid, r ->> 'trace'
    from jsonb_array_elements($1::jsonb) r where r ->> 'trace' is not null
  on conflict do nothing
)`;

/**
 * A statement that writes root runs from the array $1, and now also the trace of those of them that name one as `trace`. To be
 * sent only when one does, so that the others cost nothing.
 */
export function notingTraces({ name, text }: Statement): Statement {
  const own = text.trimStart();
  const rest = /^with\s/i.test(own) ? `, ${own.slice('with'.length)}` : `\n${own}`;
  return { name: `${name}_traced`, text: `\nwith ${NOTED}${rest}` };
}

/** Traces are of use while their runs go on. */
const KEPT_DAYS = 30;
const AT_ONCE = 5_000;

const OLD_TRACES = `
delete from run_traces where run_id = any(array(
  select run_id from run_traces where created_at < now() - $1 * interval '1 day' limit ${AT_ONCE}))`;

/** Removes what nobody looks at any more. */
export async function forgetOldTraces(database: Database): Promise<void> {
  await deleteInSlices(database, OLD_TRACES, KEPT_DAYS, AT_ONCE);
}

import { queryOnce } from '@longshore/embedded-postgres';
import type { Clock } from '@longshore/runtime';
import type { Violation } from './check-ledger.ts';

/** A sentence about the truth that must hold once nothing is under way, and the rows that break it. */
interface Rule {
  readonly name: string;
  /** Answers the id that it is about, and what is wrong there. */
  readonly sql: string;
}

const ENDED = `('succeeded', 'failed', 'cancelled')`;
const EXECUTION = 'exists (select 1 from executions e where e.id = r.root_id)';

const rules: readonly Rule[] = [
  {
    name: 'every run of an execution has ended',
    sql: `select r.root_id, r.id || ' (' || r.task || ') is ' || r.state from runs r where r.state not in ${ENDED} and ${EXECUTION}`,
  },
  {
    name: 'no execution is listed as live',
    sql: `select id, 'live' from live_executions where exists (select 1 from executions e where e.id = live_executions.id)`,
  },
  {
    name: 'no dispatch is left of what has ended',
    sql: `select r.root_id, 'dispatch ' || d.id from dispatches d join runs r on r.id = any(d.run_ids) where ${EXECUTION}`,
  },
  {
    name: 'a parent has as many children as it made, and waits for none',
    sql: `select r.root_id, r.id || ' says ' || r.children_total || ', has ' || n || ', waits for ' || r.children_pending
            from runs r cross join lateral (
              select count(*) as n from runs c where c.parent_id = r.id and c.ordinal is not null) c
           where ${EXECUTION} and (r.children_total <> n or r.children_pending <> 0)`,
  },
  {
    name: 'a parent was finished exactly once',
    sql: `select r.root_id, r.id || ' has ' || n || ' continuations'
            from runs r cross join lateral (
              select count(*) as n from runs c where c.parent_id = r.id and c.key = '') c
           where ${EXECUTION} and r.continuation is not null and n <> 1`,
  },
  {
    name: 'one file is worked on by one run',
    sql: `select r.root_id, n || ' runs of file ' || r.file_id
            from (select root_id, file_id, count(*) as n from runs r
                   where file_id is not null and ${EXECUTION} group by root_id, file_id) r
           where n > 1`,
  },
  {
    name: 'a run was not started more often than it was claimed',
    sql: `select r.root_id, r.id || ' has ' || r.starts || ' starts in ' || r.epoch || ' epochs' from runs r
           where ${EXECUTION} and r.starts > r.epoch`,
  },
];

/** Acknowledgements and tidying follow an end by moments. */
const SETTLES_WITHIN_MS = 45_000;
const LOOK_EVERY_MS = 1_000;

/** What in the platform's own tables does not fit together, as a second opinion. Waits a while for what is being tidied up. */
export async function checkDatabase(
  databaseUrl: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Violation[]> {
  const deadline = clock.monotonic() + SETTLES_WITHIN_MS;
  for (;;) {
    const found = await brokenRules(databaseUrl);
    if (found.length === 0 || clock.monotonic() >= deadline) return found;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

const SHOWN_PER_RULE = 5;

async function brokenRules(databaseUrl: string): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { name, sql } of rules) {
    const rows = await queryOnce<{ about: string; what: string }>(
      databaseUrl,
      `select about::text, what from (${sql}) as broken (about, what) limit ${SHOWN_PER_RULE}`,
    );
    found.push(
      ...rows.map(({ about, what }) => ({ kind: 'database' as const, about, what: `${name}: ${what}` })),
    );
  }
  return found;
}

import { commandTask } from '@longshore/tasks';
import { z } from 'zod';

const QUERY = `
  select coalesce(json_agg(json_build_object('table', name, 'bytes', bytes, 'rows', n) order by bytes desc), '[]')
  from (select relid::regclass::text as name, pg_total_relation_size(relid) as bytes, n_live_tup as n
        from pg_stat_user_tables order by 2 desc limit 100) as largest`;

/** The largest tables of a PostgreSQL database that the worker was given, by psql's own variables. */
export const tableSizes = commandTask({
  name: 'example_table_sizes',
  group: 'Database',
  queue: 'devops',
  description: 'The largest tables of the database that PGHOST, PGDATABASE … of the worker name. Needs psql.',
  input: z.strictObject({}),
  command: ['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', QUERY],
  resultOn: 'stdout',
  env: { PGCONNECT_TIMEOUT: '10' },
  passEnv: ['PGHOST', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGSERVICE', 'PGSSLMODE'],
  hardLimitMs: 60_000,
});

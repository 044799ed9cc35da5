import type { Mutant } from './mutant.ts';

const WEBHOOKS = 'apps/backend/src/webhooks';

/** Defences of what leaves the platform: webhooks, and results at their destinations. */
export const effectMutants: readonly Mutant[] = [
  {
    defence: 'what was said to be delivered is not delivered again',
    takesOut: 'a delivery that is repeated late writes over a newer one',
    row: 4,
    file: 'apps/general/src/pipelines/finish-pipeline.ts',
    from: `if (!file.held) return null;`,
    to: '',
    spec: 'apps/general/src/pipelines/pipelines.spec.ts',
    test: 'failure mode 4: writes what it said before no more',
  },
  {
    defence: 'an event is written with the end that it tells of',
    takesOut: 'each end tells all earlier ones again',
    row: 10,
    file: 'apps/backend/src/store/migrations/0018-endings.ts',
    from: `from (select *, (select ending from ended_executions where id = gone.id) as ending from gone offset 0) g`,
    to: `from ended_executions g`,
    spec: `${WEBHOOKS}/events.integration.spec.ts`,
    test: 'failure mode 10: is there once, however often the callback',
  },
  {
    defence: 'an event is in one delivery',
    takesOut: 'two backends that see the end of a window at once both tell what was gathered',
    row: 10,
    file: `${WEBHOOKS}/new-deliveries.ts`,
    from: `for update of w skip locked`,
    to: '',
    spec: `${WEBHOOKS}/events.integration.spec.ts`,
    test: 'makes one delivery of what was gathered',
  },
  {
    defence: 'webhook-id',
    takesOut: 'each try of a delivery has an id of its own',
    row: 10,
    file: `${WEBHOOKS}/webhook-call.ts`,
    from: `const content = { id: row.deliveryId, at: row.now, body };`,
    to: 'const content = { id: `${row.deliveryId}-${row.now.getTime()}`, at: row.now, body };',
    spec: `${WEBHOOKS}/webhooks.integration.spec.ts`,
    test: 'failure mode 10: a worker that is killed between its post and its report',
  },
  {
    defence: 'one row per file and execution',
    takesOut: 'a row that is there already is not replaced',
    row: 4,
    file: 'libs/connectors/src/postgresql/open-table.ts',
    from: '`on conflict (${list(key)}) ${update}`',
    to: '`/* ${list(key)} ${update} */`',
    spec: 'apps/general/src/pipelines/tables.integration.spec.ts',
    test: 'failure mode 4: has one row although its worker died',
  },
];

import { describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { createDispatcher } from './dispatcher.ts';
import type { LedPool, Pools } from './pools.ts';
import { noTurns } from './turns.ts';

const work = { task: 'work', queue: 'default' };
const nothing = { room: 20, published: [], more: false };

/** A dispatcher that leads one pool of ten slots, and a database that answers when it is told to. */
function setup() {
  const pool: LedPool = {
    ...{ pool: 'general', term: '1', queues: ['default'], tasks: new Set(['work']), limited: [], slots: 10 },
    ...{ outstanding: 0, reserved: 0, backlog: false, limitsWait: false, turns: noTurns() },
  };
  const answers: ((row: object) => void)[] = [];
  const dispatcher = createDispatcher({
    database: {
      hot: () => new Promise((resolve) => answers.push((row) => resolve([row]))),
    } as unknown as Database,
    publisher: { publish: async () => {} } as never,
    pools: { led: () => [pool], get: () => pool, servedElsewhere: () => [] } as unknown as Pools,
    catalogue: {
      limited: () => new Set(),
      averageMs: () => undefined,
      averages: () => new Map(),
    } as never,
    ...{ backendId: 'b', logger: silentLogger(), clock: systemClock, publicationTimeoutMs: 5_000 },
    tellOthers: () => {},
  });
  const written = (id: string) => ({ ...work, id, pool: 'general', run_ids: [id], ready: true });
  return { pool, dispatcher, written, answer: (row: object) => answers.shift()!(row) };
}

describe('what is out for a pool', () => {
  it('counts what was written as published while a pass looked for room and did not see it', async () => {
    const { pool, dispatcher, written, answer } = setup();
    const plan = dispatcher.planParcels([work]);
    dispatcher.pumpAll();
    plan.release();
    dispatcher.committed([written('d1')], {});
    answer(nothing);
    await dispatcher.idle();
    expect(pool).toMatchObject({ outstanding: 1, reserved: 0 });
  });

  it('leaves room for no more than may be out, with what is about to be written', () => {
    const { dispatcher } = setup();
    const plans = Array.from({ length: 21 }, () => dispatcher.planParcels([work]));
    expect(plans.filter(({ targets }) => Object.keys(targets).length === 1)).toHaveLength(20);
    plans[0]!.release();
    expect(Object.keys(dispatcher.planParcels([work]).targets)).toHaveLength(1);
    plans.slice(1).forEach(({ release }) => release());
  });
});

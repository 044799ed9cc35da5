import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uuidV7 } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';

let postgres: TestPostgres;
let model: TestModel;
beforeAll(async () => {
  postgres = await startPostgres();
  model = await startModel(await postgres.createDatabase('idle', truth));
});
afterAll(async () => {
  await model?.stop();
  await postgres?.stop();
});

/** What is done each second. @returns the statements that it took */
async function second(): Promise<number> {
  const sent = () => {
    const { hot, other } = model.database.statements();
    return hot + other;
  };
  const before = sent();
  await model.refresh();
  await model.reconcile();
  await model.dispatcher.idle();
  return sent() - before;
}

describe('a platform with nothing to do', () => {
  it('costs three statements a second, however many pools there are', async () => {
    await model.session('one', ['work']);
    await second();
    await second();
    expect(await second()).toBe(3);
    for (let n = 0; n < 10; n += 1) await model.session(`more-${n}`, [`task-${n}`]);
    await second();
    await second();
    expect(model.pools.led()).toHaveLength(11);
    expect(await second()).toBe(3);
  });

  it('finds within a second what it was not told of', async () => {
    await second();
    await model.database.query(
      `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
       values ($1, $2, 'work', 'default', 0, array[$3::uuid], 1, true, now())`,
      [uuidV7(), model.organisationId, uuidV7()],
    );
    await second();
    expect(model.broker.take()).toHaveLength(1);
  });
});

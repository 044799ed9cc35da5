import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pipelineTasks } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { startModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { createAccept, type NewExecution } from './accept.ts';

let postgres: TestPostgres;
let databases = 0;
let model: Awaited<ReturnType<typeof startModel>>;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  model = await startModel(await postgres.createDatabase(`together_${(databases += 1)}`, truth));
  model.catalogue.observe(pipelineTasks.plan, 1);
});
afterEach(() => model.stop());

const roomy = { maxUnfinished: 100, maxUnfinishedPerOrganisation: 100, maxParallelFiles: 4 };

function setup(limits = roomy) {
  const { database, dispatcher, catalogue, backendId } = model;
  return createAccept({ database, dispatcher, catalogue, backendId, limits, remember: () => undefined });
}

function execution(organisationId: string, customData: unknown = null): NewExecution {
  const flags = { includeMetadata: false, includeMetrics: false, includeExtractedText: false };
  return {
    id: uuidV7(),
    deployment: {
      id: uuidV7(),
      organisationId,
      workflowVersionId: uuidV7(),
      maxParallelFiles: null,
      maxSeconds: null,
    },
    fields: { flags, tags: [], customData, llmProfileId: null, timeoutSeconds: -1 },
    upload: { files: [], objectName: 'uploads/none', object: null },
    once: null,
    reused: [],
  } as unknown as NewExecution;
}

const parcels = () =>
  model.database.query<{ organisation_id: string; run_ids: string[]; remaining: number }>(
    'select organisation_id, run_ids, remaining from dispatches',
  );

describe('executions that arrive together', () => {
  it('share parcels, each of one organisation', async () => {
    const accept = setup();
    const [one, other] = [uuidV7(), uuidV7()];
    const arrived = [one, other, one, other, one, other].map((organisation) => execution(organisation));
    await Promise.all(arrived.map((each) => accept(each)));
    const written = await parcels();
    for (const { organisation_id, run_ids, remaining } of written) {
      const own = arrived.filter(({ deployment }) => deployment.organisationId === organisation_id);
      expect(own.map(({ id }) => id)).toEqual(expect.arrayContaining(run_ids));
      expect(remaining).toBe(run_ids.length);
    }
    expect(written.flatMap(({ run_ids }) => run_ids).sort()).toEqual(arrived.map(({ id }) => id).sort());
    expect(written.length).toBeLessThan(arrived.length);
    expect(await brokenInvariants(model.database)).toEqual([]);
  });

  it('are accepted although one of them holds what the database cannot store', async () => {
    const accept = setup();
    const organisation = uuidV7();
    const arrived = Array.from({ length: 7 }, (_, index) =>
      execution(organisation, index === 3 ? { text: 'a\0b' } : { text: 'ab' }),
    );
    const answers = await Promise.allSettled(arrived.map((each) => accept(each)));
    expect(answers.map(({ status }) => status === 'fulfilled')).toEqual([
      ...[true, true, true, false],
      ...[true, true, true],
    ]);
    expect(await model.database.query('select 1 from executions')).toHaveLength(6);
    expect(await brokenInvariants(model.database)).toEqual([]);
  });

  it('count against the limit one by one', async () => {
    const accept = setup({ ...roomy, maxUnfinishedPerOrganisation: 4 });
    const [one, other] = [uuidV7(), uuidV7()];
    const arrived = Array.from({ length: 12 }, (_, index) => execution(index % 2 === 0 ? one : other));
    const answers = await Promise.allSettled(arrived.map((each) => accept(each)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    expect((await parcels()).flatMap(({ run_ids }) => run_ids)).toHaveLength(8);
    expect(await brokenInvariants(model.database)).toEqual([]);
  });
});

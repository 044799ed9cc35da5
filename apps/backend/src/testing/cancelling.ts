import { expect } from '@jest/globals';
import type { Session } from '../sessions/sessions.ts';
import { ended, type TestModel } from './model.ts';

/** What tests of cancelling do with a model. */
export function cancelling(model: () => TestModel) {
  const beat = (session: Session, by = model()) =>
    by.sessions.heartbeat(session, { active: 1, loop_age_ms: 0, state: 'active' });

  /** Does what a worker does with the news of a heartbeat: lets go. */
  async function heed(session: Session): Promise<void> {
    const { cancelled } = await beat(session);
    const reports = cancelled.map(({ run_id, epoch }) => {
      const claims = { runId: run_id, epoch, organisationId: '', executionId: run_id, task: 'work' };
      return { run_id, epoch, token: model().tokens.issue(claims, 60_000), outcome: 'released' as const };
    });
    if (reports.length > 0) await model().report(reports);
    expect((await beat(session)).cancelled).toEqual([]);
  }

  /** A plan that was fanned out; its children are not claimed yet. */
  async function fannedOut(session: Session, keys: readonly string[], maxParallel: number | null = null) {
    const id = await model().submit('plan');
    const [plan] = await model().claimAll(session);
    await model().report([ended.inChildren(plan!, keys, maxParallel)]);
    return { id, plan: plan! };
  }

  async function childOf(id: string, key: string): Promise<string> {
    const [child] = await model().database.query<{ id: string }>(
      'select id from runs where parent_id = $1 and key = $2',
      [id, key],
    );
    return child!.id;
  }

  return { beat, heed, fannedOut, childOf };
}

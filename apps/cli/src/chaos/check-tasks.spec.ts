import { describe, expect, it } from '@jest/globals';
import type { TaskResult } from '@longshore/contracts';
import { checkTasks, type Effect } from './check-tasks.ts';
import type { TaskEntry } from './task-load.ts';

const finished = { status: 'finished', result: { doubled: 14 } } as unknown as TaskResult;

/** One task as it should go; each test forges something in it. */
function entry(changes: Partial<TaskEntry> = {}): TaskEntry {
  return {
    ...{
      tag: 't0',
      value: 7,
      executionIds: ['id', 'id'],
      statuses: ['deferred', 'queued', 'started', 'finished'],
    },
    ...{ first: finished, last: finished },
    ...changes,
  };
}

const effect: Effect = { name: 't0.key', content: '7' };
const kinds = (changes: Partial<TaskEntry>, effects = [effect]): string[] =>
  checkTasks([entry(changes)], effects).map(({ kind }) => kind);

describe('the tasks of the ledger', () => {
  it('are right when each finished once and left its file', () => {
    expect(kinds({})).toEqual([]);
  });

  it.each<[string, string[], Partial<TaskEntry>, Effect[]]>([
    ['that left no file', ['lost'], {}, []],
    ['that took effect in two runs', ['doubled'], {}, [effect, { ...effect, name: 't0.other' }]],
    ['that left another file', ['wrong'], {}, [{ ...effect, content: '8' }]],
    ['that two ids were given', ['doubled'], { executionIds: ['id', 'other'] }, [effect]],
    ['whose status fell back', ['fell-back'], { statuses: ['started', 'queued'] }, [effect]],
    ['that is not there any more', ['lost'], { last: undefined as never }, [effect]],
    ['that did not end', ['lost'], { last: { ...finished, status: 'started' } }, [effect]],
    ['whose result is wrong', ['wrong'], { value: 8 }, [{ ...effect, content: '8' }]],
    ['that failed', ['fell-back'], { last: { ...finished, status: 'failed' } }, [effect]],
    ['that was refused', ['refused'], { refusal: 'status 400' }, [effect]],
  ])('show one %s', (_what, expected, changes, effects) => {
    expect(kinds(changes, effects)).toEqual(expected);
  });

  it('show a file that nobody asked for', () => {
    expect(kinds({}, [effect, { name: 'x9.key', content: '1' }])).toEqual(['foreign']);
  });
});

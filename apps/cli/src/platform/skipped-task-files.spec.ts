import { expect, it } from '@jest/globals';
import type { WorkersResponse } from '@longshore/contracts';
import { skippedTaskFiles } from './skipped-task-files.ts';

it.each([
  ['It has no key "maxAttemps", did you mean "maxAttempts"?', 'did you mean "maxAttempts"?'],
  ['Two tasks are named a.', 'Two tasks are named a.'],
  ['Unexpected token', 'Unexpected token.'],
])('a task file that was not loaded is told with one mark at the end: %s', (reason, end) => {
  const session = { skipped_task_files: [{ file: 'a.ts', reason }] };
  const told = skippedTaskFiles({ pools: [{ sessions: [session, session] }] } as unknown as WorkersResponse);
  expect(told).toHaveLength(1);
  expect(told[0]!.endsWith(`${end}`)).toBe(true);
  expect(told[0]).not.toMatch(/[.?]{2}$/);
});

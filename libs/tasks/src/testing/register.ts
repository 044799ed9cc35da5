/*
 * For `node --import`: tests of task files find `@longshore/tasks` and `zod` wherever they lie, with nothing installed beside them. What is
 * installed goes first.
 */
import * as zod from 'zod';
import { shareModules } from '../definition/shared-modules.ts';
import { MEANS } from '../definition/task-file.ts';
import { runTask } from './run-task.ts';

shareModules({ '@longshore/tasks': { ...MEANS, runTask }, zod }, []);

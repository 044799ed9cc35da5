import { replayManyResponseSchema } from '../failures-api.ts';
import * as tasks from '../tasks-api.ts';
import { idParams, nothing, route } from './route.ts';

/** What all routes of tasks have in common: one organisation's key or an admin key, 401 without. */
const asked = { area: 'public', auth: 'organisation', withoutKey: 'key_required' } as const;
const tag = 'tasks';
const once = { 'Idempotency-Key': 'The same key with the same request within 24 h submits nothing more.' };

/** Single pieces of work: submitted, followed, stopped, done again. */
export const taskRoutes = {
  taskTypes: route({
    ...asked,
    method: 'get',
    path: '/tasks/types',
    query: tasks.taskTypesQuerySchema,
    response: tasks.taskTypesSchema,
    documentation: { tag, summary: 'List the types of tasks that workers registered' },
  }),
  taskWorkers: route({
    ...asked,
    method: 'get',
    path: '/tasks/workers/status',
    response: tasks.taskWorkersSchema,
    documentation: { tag, summary: 'Show pools, their workers, queues and the broker' },
  }),
  submitTask: route({
    ...asked,
    method: 'post',
    path: '/tasks/submit',
    body: tasks.submitTaskRequestSchema,
    response: tasks.submittedTaskSchema,
    documentation: {
      tag,
      summary: 'Submit a task',
      description:
        'Once it is answered, the task is in the database and will end. `invalid_parameters` names each place in ' +
        '`parameters` that does not fit the input schema of its type.',
      errors: ['invalid_parameters', 'idempotency_conflict', 'not_found'],
      headers: once,
      examples: {
        body: { task_name: 'example_long_running', parameters: { duration: 5 }, priority: 6, delay: null },
        response: {
          task_id: '019a0000-0000-7000-8000-000000000000',
          status: 'submitted',
          message: "Task 'example_long_running' submitted successfully",
        },
      },
    },
  }),
  submitTasks: route({
    ...asked,
    method: 'post',
    path: '/tasks/submit/bulk',
    body: tasks.submitTasksRequestSchema,
    response: tasks.submitTasksResponseSchema,
    documentation: {
      tag,
      summary: 'Submit many tasks',
      description: 'Each is accepted or refused by itself; the answer tells of each, in their order.',
      errors: [],
      headers: { 'Idempotency-Key': 'Names each item without a key of its own by its place.' },
      examples: {
        body: { tasks: [{ task_name: 'example_failing' }, { task_name: 'example_failing', delay: 60 }] },
      },
    },
  }),
  replayTasks: route({
    ...asked,
    method: 'post',
    path: '/tasks/replay',
    audit: 'task.replay',
    body: tasks.replayTasksRequestSchema,
    response: replayManyResponseSchema,
    documentation: {
      tag,
      summary: 'Run many failed tasks again',
      description:
        'Those with a failure that the filter finds, that have ended, and that were not run again before; submitted one ' +
        'after the other, so many a minute. Followed and cancelled under `/api/v1/replays`, and like those one at a time for each ' +
        'organisation.',
      success: {
        200: 'Nothing was begun: a dry run, or nothing matched.',
        202: 'The replay has begun.',
      },
      errors: ['not_found', 'conflict'],
      examples: { body: { task: 'example_failing', per_minute: 60 } },
    },
  }),
  listTasks: route({
    ...asked,
    method: 'get',
    path: '/tasks',
    query: tasks.listTasksQuerySchema,
    response: tasks.taskListSchema,
    documentation: { tag, summary: 'Search the history of tasks', description: 'Newest first.' },
  }),
  task: route({
    ...asked,
    method: 'get',
    path: '/tasks/:id',
    params: idParams,
    response: tasks.taskDetailSchema,
    documentation: { tag, summary: 'Show a task' },
  }),
  taskStatus: route({
    ...asked,
    method: 'get',
    path: '/tasks/:id/status',
    params: idParams,
    response: tasks.taskStatusAnswerSchema,
    documentation: { tag, summary: 'Ask how far a task is' },
  }),
  taskResult: route({
    ...asked,
    method: 'get',
    path: '/tasks/:id/result',
    params: idParams,
    query: tasks.taskResultQuerySchema,
    response: tasks.taskResultSchema,
    documentation: {
      tag,
      summary: 'Read the result of a task, or wait for it',
      description: 'Answers when the task has ended or the time is over; `status` says which.',
    },
  }),
  taskEvents: route({
    ...asked,
    method: 'get',
    path: '/tasks/:id/events',
    params: idParams,
    response: nothing,
    stream: true,
    documentation: {
      tag,
      summary: 'Follow a task as Server-Sent Events',
      description:
        'What was said so far first, then `status`, `log` and `progress` as they come, and one closing `end` once the task ' +
        'has ended. With `Last-Event-ID` it goes on after that event; who had the `end` already is answered 204.',
      success: { 200: 'The stream.', 204: 'There is nothing after that event.' },
      media: 'text/event-stream',
      headers: { 'Last-Event-ID': 'The id of the last event that was received.' },
    },
  }),
  cancelTask: route({
    ...asked,
    method: 'delete',
    path: '/tasks/:id/cancel',
    audit: 'task.cancel',
    params: idParams,
    response: tasks.cancelledTaskSchema,
    documentation: {
      tag,
      summary: 'Cancel a task',
      description:
        'What waits never starts, what runs is stopped. One that is cancelled already counts as cancelled.',
      errors: ['conflict'],
    },
  }),
  retryTask: route({
    ...asked,
    method: 'post',
    path: '/tasks/:id/retry',
    audit: 'task.retry',
    params: idParams,
    body: tasks.retryTaskRequestSchema,
    response: tasks.retriedTaskSchema,
    documentation: {
      tag,
      summary: 'Run a task again',
      description: 'Submits a new task like one that has ended, with other parameters where it is told so.',
      success: { 201: 'The new task is submitted.' },
      errors: ['not_found', 'conflict', 'invalid_parameters', 'idempotency_conflict'],
      headers: once,
      examples: { body: { parameters: { duration: 1 } } },
    },
  }),
  deleteTask: route({
    ...asked,
    method: 'delete',
    path: '/tasks/:id',
    audit: 'task.delete',
    params: idParams,
    response: tasks.deletedTaskSchema,
    documentation: {
      tag,
      summary: 'Delete a task that has ended',
      description: 'With its parameters, its result, its logs and its files.',
      errors: ['conflict'],
    },
  }),
};

import * as schedules from '../schedules-api.ts';
import { idParams, okSchema, route } from './route.ts';

/** What all routes of schedules have in common: one organisation's key or an admin key, 401 without. */
const asked = { area: 'public', auth: 'organisation', withoutKey: 'key_required' } as const;
const tag = 'schedules';

const NIGHTLY = {
  name: 'nightly-import',
  cron: '30 2 * * *',
  time_zone: 'Europe/Berlin',
  pipeline: 'inbox',
  catch_up: 'latest',
};

/** Work that begins by itself: tasks and pipelines, by cron or at intervals. */
export const scheduleRoutes = {
  listSchedules: route({
    ...asked,
    method: 'get',
    path: '/schedules',
    query: schedules.listSchedulesQuerySchema,
    response: schedules.scheduleListSchema,
    documentation: { tag, summary: 'List schedules', description: 'In the order of their names.' },
  }),
  createSchedule: route({
    ...asked,
    method: 'post',
    path: '/schedules',
    audit: 'schedule.create',
    body: schedules.createScheduleRequestSchema,
    response: schedules.scheduleDetailSchema,
    documentation: {
      tag,
      summary: 'Create a schedule',
      description: 'Its first firing is the first time after now that it names.',
      success: { 201: 'It is created.' },
      errors: ['not_found', 'conflict', 'invalid_parameters'],
      examples: { body: NIGHTLY },
    },
  }),
  schedule: route({
    ...asked,
    method: 'get',
    path: '/schedules/:id',
    params: idParams,
    query: schedules.showScheduleQuerySchema,
    response: schedules.scheduleDetailSchema,
    documentation: { tag, summary: 'Show a schedule and the next times at which it fires' },
  }),
  changeSchedule: route({
    ...asked,
    method: 'patch',
    path: '/schedules/:id',
    audit: 'schedule.change',
    params: idParams,
    body: schedules.changeScheduleRequestSchema,
    response: schedules.scheduleDetailSchema,
    documentation: {
      tag,
      summary: 'Change a schedule',
      description:
        'Keys that are not named stay as they are, null takes one away. Where its times are changed, the first after now is next.',
      errors: ['not_found', 'invalid_parameters'],
      examples: { body: { cron: '0 3 * * *', description: null } },
    },
  }),
  deleteSchedule: route({
    ...asked,
    method: 'delete',
    path: '/schedules/:id',
    audit: 'schedule.delete',
    params: idParams,
    response: okSchema,
    documentation: {
      tag,
      summary: 'Delete a schedule',
      description: 'With its history. What it fired goes on.',
    },
  }),
  pauseSchedule: route({
    ...asked,
    method: 'post',
    path: '/schedules/:id/pause',
    audit: 'schedule.pause',
    params: idParams,
    response: schedules.scheduleDetailSchema,
    documentation: {
      tag,
      summary: 'Pause a schedule',
      description: 'What it fired goes on. One that is paused stays so.',
    },
  }),
  resumeSchedule: route({
    ...asked,
    method: 'post',
    path: '/schedules/:id/resume',
    audit: 'schedule.resume',
    params: idParams,
    response: schedules.scheduleDetailSchema,
    documentation: {
      tag,
      summary: 'Resume a schedule',
      description: 'It fires next at the first time after now: a pause is not caught up.',
    },
  }),
  runSchedule: route({
    ...asked,
    method: 'post',
    path: '/schedules/:id/run',
    audit: 'schedule.run',
    params: idParams,
    response: schedules.firingSchema,
    documentation: {
      tag,
      summary: 'Fire a schedule now',
      description:
        'Beside its times, paused or not, and beside what is under way: the overlap rule is for firings that nobody asked for.',
      success: { 201: 'It was fired.' },
      errors: ['not_found', 'conflict', 'too_many_executions'],
    },
  }),
  listFirings: route({
    ...asked,
    method: 'get',
    path: '/schedules/:id/firings',
    params: idParams,
    query: schedules.listFiringsQuerySchema,
    response: schedules.firingListSchema,
    documentation: {
      tag,
      summary: 'List what a schedule fired and what it skipped',
      description: 'Newest first. Times that were skipped one after the other for one reason are one line.',
    },
  }),
};

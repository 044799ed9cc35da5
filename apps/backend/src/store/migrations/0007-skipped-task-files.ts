/** What a worker could not load of the task files it was given: shown to administrators, read by nothing else. */
export const skippedTaskFiles = `
alter table sessions add column skipped_task_files jsonb not null default '[]';
`;

export type { EmbeddedPostgresProblem } from './embedded-postgres-error.ts';
export { EmbeddedPostgresError } from './embedded-postgres-error.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded-postgres.ts';
export { startEmbeddedPostgres, stopLeftBehindPostgres } from './embedded-postgres.ts';
export type { FolderLock } from './folder-lock.ts';
export { lockFolder } from './folder-lock.ts';

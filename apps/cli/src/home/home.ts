import { join, resolve } from 'node:path';

/** Where things lie in the folder in which the platform keeps what it makes itself. Absolute paths. */
export interface Home {
  readonly folder: string;
  /** Keys, written by the backend at its first start. */
  readonly credentials: string;
  /** Which platform runs from this folder. */
  readonly instance: string;
  /** Which platform ran here before, as long as its processes may still be ending. */
  readonly earlier: string;
  /** There while a backup is being put into this home. */
  readonly restoring: string;
  /** There from a restore until the first start after it. */
  readonly restored: string;
  readonly logs: string;
  readonly postgres: string;
  /** Settings with which workers that are served by hand join. */
  readonly dev: string;
}

/** The layout of a home. Makes nothing. */
export function homeAt(folder: string): Home {
  const root = resolve(folder);
  return {
    folder: root,
    credentials: join(root, 'credentials.json'),
    instance: join(root, 'instance.json'),
    earlier: join(root, 'earlier-instance.json'),
    restoring: join(root, 'restoring'),
    restored: join(root, 'restored'),
    logs: join(root, 'logs'),
    postgres: join(root, 'postgres'),
    dev: join(root, 'dev'),
  };
}

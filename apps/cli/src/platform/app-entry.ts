import { basename, dirname, join } from 'node:path';

/** Folder that holds all apps: of the checkout when this runs from source, else of the bundles. */
const isSource = import.meta.filename.endsWith('.ts');
const APPS = isSource ? join(import.meta.dirname, '..', '..', '..') : dirname(dirname(import.meta.filename));

/** The file that starts an app of this release. */
export function appEntry(app: string): string {
  return isSource ? join(APPS, app, 'src', 'main.ts') : join(APPS, app, 'main.js');
}

/** Apps whose heap grows with their work: those of other workers do not (`settleHeap`). */
const GROWING = ['backend', 'general'];

/**
 * What Node is started with for an app. Where the heap grows, the space for its youngest objects, which the engine would keep, is bounded here, since
 * a process cannot do that for itself (docs/decisions/memory.md).
 */
export function appArguments(app: string): readonly string[] {
  return [...(GROWING.includes(app) ? ['--max-semi-space-size=16'] : []), appEntry(app)];
}

/** Whether this process runs that app. Process ids are used again; a command line tells. */
export function looksLikeApp(commandLine: readonly string[], app: string): boolean {
  return commandLine.some(
    (part) => part === appEntry(app) || (part.includes(`/${app}/`) && /^main\.[jt]s$/.test(basename(part))),
  );
}

/** Where Node keeps what it compiled, so that later starts of every process take half the time; not for bundles. */
export const compileCache = isSource ? join(APPS, '..', 'node_modules', '.cache', 'longshore') : undefined;

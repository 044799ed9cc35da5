import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { findCredentials } from '../home/credentials.ts';
import type { Home } from '../home/home.ts';
import { isHeld } from '../home/instance.ts';
import { byteSize } from '../output/byte-size.ts';
import { checkPorts, type NamedPort } from './check-ports.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

const OLDEST_NODE = 24;
const GB = 1e9;
const LOW_BYTES = 2 * GB;
const FULL_BYTES = 0.3 * GB;

export interface MachineFacts {
  readonly home: Home;
  readonly storageDir: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Those that settings insist on. Default: none. */
  readonly healthPorts?: readonly NamedPort[];
  /** Of Node, as in `24.1.0`. Default: of this process. */
  readonly nodeVersion?: string;
}

/** What can be seen without asking a platform: Node, the home and its disk, the ports. */
export async function checkMachine(facts: MachineFacts): Promise<Finding[]> {
  const { home, storageDir } = facts;
  return [
    checkNode(facts.nodeVersion ?? process.versions.node),
    ...(await checkHome(home)),
    ...(storageDir.startsWith(join(home.folder, sep)) || !existsSync(storageDir)
      ? []
      : [
          ...checkWritable('file store', storageDir, 'STORAGE_DIR'),
          await checkSpace('file store', storageDir),
        ]),
    ...(isRunning(home) ? [] : await checkPorts(facts.host, facts.port, facts.healthPorts ?? [])),
  ];
}

function checkNode(version: string): Finding {
  return Number.parseInt(version, 10) >= OLDEST_NODE
    ? ok('node', `version ${version}`)
    : wrong('node', `version ${version} is too old`, `Install Node ${OLDEST_NODE} or later.`);
}

async function checkHome(home: Home): Promise<Finding[]> {
  const place = nearestFolder(home.folder);
  const space = await checkSpace('disk', place);
  if (!existsSync(home.folder)) {
    return [
      ok('home', `${home.folder} is not there yet`),
      ...checkWritable('home', place, 'LONGSHORE_HOME'),
      space,
    ];
  }
  const half = wrong('home', `${home.folder} holds half of a backup`, 'Run longshore restore once more.');
  return [
    ...(existsSync(home.restoring) ? [half] : checkWritable('home', home.folder, 'LONGSHORE_HOME')),
    ...checkCredentials(home),
    space,
  ];
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

/** Writing is the only proof that something can be written. */
function checkWritable(check: string, folder: string, variable: string): Finding[] {
  const probe = join(folder, `.doctor-${process.pid}`);
  try {
    writeFileSync(probe, 'probe', { mode: 0o600 });
    rmSync(probe);
    return [ok(check, `${folder} can be written`)];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const mend = `Give this user the right to write there, or choose another folder with ${variable}.`;
    return [wrong(check, `nothing can be written in ${folder} (${code})`, mend)];
  } finally {
    rmSync(probe, { force: true });
  }
}

function checkCredentials(home: Home): Finding[] {
  if (!existsSync(home.credentials)) return [];
  const others = statSync(home.credentials).mode & 0o077;
  if (others !== 0) {
    const mend = `Run chmod 600 ${home.credentials}`;
    return [wrong('credentials', `${home.credentials} can be read by other users`, mend)];
  }
  if (findCredentials(home) === undefined) {
    const mend = 'Take it from a backup; or delete it, and the next start makes new keys.';
    return [wrong('credentials', `${home.credentials} holds no keys that can be read`, mend)];
  }
  return [ok('credentials', "are the owner's alone")];
}

async function checkSpace(check: string, folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  return spaceFinding(check, bavail * bsize);
}

/** What so many free bytes mean to a platform. */
export function spaceFinding(check: string, free: number): Finding {
  const words = `${byteSize(free)} free`;
  const mend =
    'Free some space, or keep less: see RETAIN_UPLOADS_HOURS and its like in docs/configuration.md.';
  if (free < FULL_BYTES) return wrong(check, words, mend);
  return free < LOW_BYTES ? note(check, words, mend) : ok(check, words);
}

function isRunning(home: Home): boolean {
  try {
    return isHeld(home);
  } catch {
    // A home in which nothing can be written is told of by another check.
    return false;
  }
}

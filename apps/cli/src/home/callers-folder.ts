import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The scripts of the checkout that are this command. */
const SCRIPTS = ['longshore', 'start', 'demo', 'chaos'];
const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..', '..');

/** The checkout, when one of its scripts runs this. npm runs scripts there, wherever it was called. */
function checkoutOfScript(env: Environment): string | undefined {
  const { npm_package_json: manifest, npm_lifecycle_event: script } = env;
  if (manifest === undefined || !SCRIPTS.includes(script ?? '') || !existsSync(manifest)) return undefined;
  const folder = realpathSync(dirname(manifest));
  return folder === CHECKOUT ? folder : undefined;
}

/** The folder in which the person who called this is: paths that they name are meant from there. */
export function callersFolder(env: Environment, cwd: string): string {
  const called = env['INIT_CWD'];
  if (called === undefined || checkoutOfScript(env) !== cwd) return cwd;
  return isFolder(called) ? called : cwd;
}

/**
 * The folder whose `.env` and `.longshore` count: of a checkout whose script was called the checkout itself, else the working
 * directory, when it has an `.env`; then the folder of the home that LONGSHORE_HOME names, when that has one; then the checkout, or the
 * nearest folder upward that holds a `.longshore`; else the working directory.
 */
export function settingsFolder(env: Environment, cwd: string): string {
  const checkout = checkoutOfScript(env);
  const isOfScript = checkout !== undefined && (cwd === checkout || env['INIT_CWD'] === cwd);
  const here = isOfScript ? checkout : cwd;
  if (existsSync(join(here, '.env'))) return here;
  return besideNamedHome(env, cwd) ?? (isOfScript ? checkout : (nearestWithHome(cwd) ?? cwd));
}

function besideNamedHome({ LONGSHORE_HOME: home = '' }: Environment, cwd: string): string | undefined {
  if (home.trim() === '') return undefined;
  const folder = dirname(resolve(cwd, home.trim()));
  return existsSync(join(folder, '.env')) ? folder : undefined;
}

function nearestWithHome(folder: string): string | undefined {
  if (isFolder(join(folder, '.longshore'))) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : nearestWithHome(parent);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

// Makes the checkout ready to run: installs the npm packages when those in node_modules are not the ones that
// package-lock.json names. Runs on any Node from 20 on and needs no package, for it is what comes before all others.
// With --quiet it says nothing when there is nothing to do. Speaks on standard error, so that the output of the command
// behind it stays clean. The exit code is npm's.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = join(root, 'package-lock.json');
const markerFile = join(root, 'node_modules', '.longshore-install');

/** What a finished install leaves behind: packages of another system or another lock are none of ours. */
function wantedMarker() {
  const digest = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  return `${digest} ${process.platform}-${process.arch}\n`;
}

/** npm's own list of what it installed, held against the lock: for those who ran npm themselves. */
function matchesLock() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages ?? {};
  const locked = Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {});
  const isThere = ([path, { version, optional }]) => {
    if (!path.includes('node_modules/')) return true;
    return installed[path] === undefined ? optional === true : installed[path].version === version;
  };
  return locked.every(isThere);
}

function isReady() {
  if (!existsSync(lockFile)) return false;
  if (existsSync(markerFile) && readFileSync(markerFile, 'utf8') === wantedMarker()) return true;
  if (!matchesLock()) return false;
  writeFileSync(markerFile, wantedMarker());
  return true;
}

/** The npm that runs us, if one does, else the one on the PATH. */
function npm(args, stderr = 'inherit') {
  const running = process.env.npm_execpath;
  const all = [...args, '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = { cwd: root, stdio: ['ignore', 'ignore', stderr] };
  const child =
    running !== undefined && basename(running).startsWith('npm')
      ? spawn(process.execPath, [running, ...all], options)
      : spawn('npm', all, { ...options, shell: process.platform === 'win32' });
  return ended(child);
}

/** Resolves when npm has ended. Ctrl-C ends npm first, and then us: two installs in one folder would ruin it. */
function ended(child) {
  let interrupted;
  const stop = (signal) => {
    interrupted = signal;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 3000).unref();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, stop);
  return new Promise((resolve) => {
    const done = (answer) => {
      for (const signal of signals) process.off(signal, stop);
      if (interrupted === undefined) return resolve(answer);
      console.error('The installation was stopped; the next start finishes it.');
      process.exit(130);
    };
    child.once('error', (error) => done({ status: 1, signal: null, error }));
    child.once('exit', (status, signal) => done({ status, signal }));
  });
}

/**
 * `npm ci` refuses a lock that lacks an optional package of some other system, as a lock does that was written where that
 * package could not be seen. `npm install --no-save` takes the same versions and adds what this system needs.
 */
async function installCommand() {
  if (!existsSync(lockFile)) return ['install'];
  const { status } = await npm(['ci', '--dry-run'], 'ignore');
  return status === 0 ? ['ci'] : ['install', '--no-save'];
}

async function install() {
  const command = await installCommand();
  console.error(
    `Installing packages (npm ${command.join(' ')}); this is needed once and takes about a minute.`,
  );
  const { status, signal, error } = await npm(command);
  if (status === 0) return writeFileSync(markerFile, wantedMarker());
  const reason = error?.message ?? (signal === null ? `exit code ${status}` : signal);
  console.error(`npm ${command.join(' ')} failed (${reason}): mend what it says above and start again.`);
  process.exitCode = status ?? 1;
}

if (!isReady()) await install();
else if (!process.argv.includes('--quiet')) console.error('The packages are installed.');

import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bin, root } from '../../run-steps.ts';

/** A copy of the workspace, whose projects find each other and whose dependencies are those that are installed. */
export function copyWorkspace() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-workspace-'));
  copyFiles(folder);
  linkDependencies(folder);
  return {
    folder,
    /** Runs a program of the dependencies there, to its end. */
    run: (program: string, ...args: string[]) => run(folder, [bin(program), ...args]),
    /** Runs node there, to its end. */
    node: (...args: string[]) => run(folder, args),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What git knows or would know of. */
function copyFiles(folder: string): void {
  const list = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const paths = list.split('\0').filter((path) => path !== '' && !path.startsWith('docs/benchmarks'));
  for (const path of new Set(paths.map((each) => dirname(each))))
    mkdirSync(join(folder, path), { recursive: true });
  for (const path of paths) {
    // Others may be at work in the checkout.
    try {
      cpSync(join(root, path), join(folder, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function linkDependencies(folder: string): void {
  const [from, to] = [join(root, 'node_modules'), join(folder, 'node_modules')];
  mkdirSync(join(to, '@longshore'), { recursive: true });
  for (const name of readdirSync(from)) {
    if (name !== '@longshore' && name !== '.cache') symlinkSync(join(from, name), join(to, name));
  }
  for (const name of readdirSync(join(from, '@longshore'))) {
    const project = readlinkSync(join(from, '@longshore', name));
    symlinkSync(project, join(to, '@longshore', name));
    // What could not be shared with the others.
    const own = join(from, '@longshore', name, 'node_modules');
    if (existsSync(own)) symlinkSync(own, join(to, '@longshore', name, 'node_modules'));
  }
}

function run(folder: string, args: readonly string[]): Promise<{ code: number | null; out: string }> {
  // What this process is told of its own workspace is not meant for the copy.
  const own = Object.entries(process.env).filter(([name]) => !/^(NX_|JEST_|NODE_OPTIONS$)/.test(name));
  const env = { ...Object.fromEntries(own), NX_DAEMON: 'false', NO_COLOR: '1' };
  const child = spawn(process.execPath, [...args], { cwd: folder, env });
  let out = '';
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (out += text));
  return new Promise((done) => child.once('close', (code) => done({ code, out })));
}

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The checkout. */
export const root = resolve(import.meta.dirname, '../..');

/** A program of this checkout's dependencies, run with this Node. */
export interface Step {
  readonly label: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Keeps what it says from the terminal. */
  readonly quiet?: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** Runs one step with its output on the terminal; answers its exit code. */
export function runStep({ args, env, quiet = false, signal }: Step): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: quiet ? 'ignore' : 'inherit',
    env: { ...process.env, ...env },
  });
  signal?.addEventListener('abort', () => child.kill(), { once: true });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code) => done(code ?? 1));
  });
}

export const bin = (name: string) => resolve(root, 'node_modules', name);

/** Makes Nx's picture of the projects. Without it the import rules would be skipped with a mere warning. */
export const projectGraphStep: Step = {
  label: 'project graph',
  args: [bin('nx/dist/bin/nx.js'), 'graph', `--file=${resolve(root, '.nx/project-graph.json')}`],
  env: { NX_DAEMON: 'false' },
};

/** Jest on native ES modules; the flag is Node's price for it, the warning says nothing new. */
export function jestStep(label: string, args: readonly string[]): Step {
  const flags = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=MaxListenersExceededWarning',
  ];
  return { label, args: [...flags, bin('jest/bin/jest.js'), ...args] };
}

import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@longshore/testing';
import { root } from '../run-steps.ts';
import { baseImages } from './base-images.ts';

/** Whether images can be built and composed here. */
export const engineIsThere = ((): boolean => {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 });
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
})();

const run = promisify(execFile);
/** Without what this shell says of an instance of its own. */
const own = Object.entries(process.env).filter(([name]) => !/^(?:LONGSHORE|COMPOSE)_/.test(name));
const environment = { ...Object.fromEntries(own), NO_COLOR: '1' };

/** Runs a program of docker's from the root of the repository; resolves with what it printed. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { cwd: root, env: environment, maxBuffer: 64 << 20 });
  return stdout.trim();
}

/** What `docker/local-images.sh` can make. */
const BASES = /^(?:node|redis|postgres):/;

/** Takes the base images from a registry, and makes them from this machine's own programs where none is reached. */
export async function haveBaseImages(): Promise<void> {
  const isHere = (image: string) =>
    docker('image', 'inspect', image).catch(() => docker('pull', '--quiet', image));
  const bases = new Set(baseImages().map(({ image }) => image));
  const missing = await Promise.all(
    [...bases]
      .filter((image) => BASES.test(image))
      .map((image) =>
        isHere(image)
          .then(() => false)
          .catch(() => true),
      ),
  );
  if (missing.includes(true)) await run(join(root, 'docker/local-images.sh'), { cwd: root });
}

/** Builds all images under a tag; resolves with the lines that tell their sizes. */
export async function buildImages(tag: string): Promise<string[]> {
  const { stdout } = await run(join(root, 'docker/build-images.sh'), ['--tag', tag], { cwd: root });
  return stdout.split('\n').filter((line) => line.includes(`:${tag} `));
}

/** One instance by the shipped compose files, beside whatever else runs on this engine. */
export interface ComposedInstance {
  readonly url: string;
  readonly apiKey: string;
  /** `docker compose` with the files of this instance. */
  compose(...args: string[]): Promise<string>;
  /** The command line of the image `longshore`, with the admin key. */
  longshore(...args: string[]): Promise<string>;
  /** A script of tools/, which is told of this instance by its variables; resolves with what it printed. */
  script(name: string, ...args: string[]): Promise<string>;
  /** Running containers of a service, whichever files name it. */
  containers(service: string): Promise<string[]>;
  /** Ends it and removes its volumes. */
  remove(): Promise<void>;
}

/**
 * Prepares an instance with keys and a port of its own; `compose('up', …)` starts it.
 * @param files the compose files, in their order, from docker/
 * @param settings further variables that the files take
 */
export async function composedInstance(
  tag: string,
  files: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<ComposedInstance> {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-compose-'));
  const secrets = join(folder, 'secrets');
  execFileSync(join(root, 'docker/make-secrets.sh'), [secrets]);
  const keys = JSON.parse(readFileSync(join(secrets, 'credentials.json'), 'utf8')) as Record<string, string>;
  const project = `longshore-test-${randomBytes(4).toString('hex')}`;
  const port = await freePort();
  const env = { ...environment, LONGSHORE_TAG: tag, SECRETS_DIR: secrets, PORT: String(port), ...settings };
  const chosen = ['compose', '--project-name', project, ...files.flatMap((file) => ['-f', `docker/${file}`])];
  const compose = async (...args: string[]) =>
    (await run('docker', [...chosen, ...args], { cwd: root, env, maxBuffer: 64 << 20 })).stdout.trim();
  const inside = ['-e', 'LONGSHORE_URL=http://backend:8000', '-v', `${join(root, 'samples')}:/samples:ro`];
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  const told = { ...env, COMPOSE_PROJECT_NAME: project, LONGSHORE_HOME: join(folder, 'home') };
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey: keys['api_key']!,
    compose,
    longshore: (...args) =>
      docker(
        'run',
        '--rm',
        '--network',
        `${project}_public`,
        ...inside,
        '-e',
        `LONGSHORE_ADMIN_API_KEY=${keys['admin_key']}`,
        '-e',
        `LONGSHORE_API_KEY=${keys['api_key']}`,
        `longshore:${tag}`,
        ...args,
      ),
    script: async (name, ...args) => (await run(join(root, 'tools', name), args, { env: told })).stdout,
    async containers(service) {
      const labels = [`project=${project}`, `service=${service}`];
      const filters = labels.flatMap((label) => ['--filter', `label=com.docker.compose.${label}`]);
      return lines(await docker('ps', '--quiet', '--filter', 'status=running', ...filters));
    },
    async remove() {
      await compose('down', '--volumes', '--timeout', '20', '--remove-orphans');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

import { access, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

/** The oldest major version that bundles run on. */
const NODE = 24;

const USAGE = `Bundles an app into dist/apps/<app>: main.js that starts app.js, the threads it starts, and a package.json.
It runs alone with Node ${NODE}.

  node tools/src/build.ts <app> [<folder>]

Into the folder, when one is given, which is emptied first.

Example:
  node tools/src/build.ts general && node dist/apps/general/main.js --help
`;

/** CommonJS packages inside an ES module bundle look for these. */
const BANNER = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  "import { fileURLToPath as pathOfBundle } from 'node:url';",
  "import { dirname as folderOfBundle } from 'node:path';",
  'const require = createRequireOfBundle(import.meta.url);',
  'const __filename = pathOfBundle(import.meta.url);',
  'const __dirname = folderOfBundle(__filename);',
].join('\n');

/**
 * Starts the bundle. In the language of every Node that knows ES modules, for an older one than the bundle needs would
 * complain about its syntax or its imports before the first line of it ran.
 */
const STARTER = `if (parseInt(process.versions.node, 10) < ${NODE}) {
  console.error('Longshore needs Node ${NODE} or later, and this is Node ' + process.versions.node + '.');
  process.exitCode = 1;
} else {
  import('./app.js');
}
`;

interface AppManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly longshore?: {
    /** Further entries of the bundle, by file name in it: the threads that the app starts. */
    readonly threads?: Record<string, string>;
    /** Packages that stay outside the bundle and are installed beside it, since they hold binaries. */
    readonly external?: readonly string[];
  };
  readonly dependencies?: Record<string, string>;
}

/** What every worker starts beside its main thread: what renews its session while that is busy, and what carries out isolated runs. */
const WORKER_ENTRIES: Readonly<Record<string, string>> = {
  'heartbeat-thread': 'libs/tasks/src/session/heartbeat-thread.ts',
  'isolate-thread': 'libs/tasks/src/isolation/isolate-thread.ts',
  'isolate-process': 'libs/tasks/src/isolation/isolate-process.ts',
  'watchdog-thread': 'libs/tasks/src/isolation/watchdog-thread.ts',
};

async function bundle(app: string, to?: string): Promise<string> {
  const root = resolve(import.meta.dirname, '../..');
  const folder = join(root, 'apps', app);
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as AppManifest;
  const external = manifest.longshore?.external ?? [];
  const outdir = to ?? join(root, 'dist/apps', app);
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  await build({
    entryPoints: await entryPoints(root, folder, manifest),
    outdir,
    bundle: true,
    platform: 'node',
    target: `node${NODE}`,
    format: 'esm',
    minify: true,
    keepNames: true,
    sourcemap: true,
    legalComments: 'linked',
    banner: { js: BANNER },
    external: ['pg-native', 'redis', 'bullmq-otel', '@valkey/valkey-glide', ...external],
    logLevel: 'warning',
  });
  await writeFile(join(outdir, 'main.js'), STARTER);
  await writeManifest(outdir, manifest, external);
  await copyFile(join(root, 'LICENSE'), join(outdir, 'LICENSE'));
  return outdir;
}

async function entryPoints(
  root: string,
  folder: string,
  manifest: AppManifest,
): Promise<Record<string, string>> {
  const threads = Object.entries(manifest.longshore?.threads ?? {}).map(([name, file]) => [
    name,
    join(folder, file),
  ]);
  const isWorker = '@longshore/tasks' in (manifest.dependencies ?? {});
  const ofWorkers = Object.entries(isWorker ? WORKER_ENTRIES : {}).map(([name, file]) => [
    name,
    join(root, file),
  ]);
  for (const [, file = ''] of ofWorkers) await access(file);
  return {
    app: join(folder, 'src/main.ts'),
    ...(Object.fromEntries([...ofWorkers, ...threads]) as Record<string, string>),
  };
}

/** What is left to install beside the bundle: nothing but the external packages. */
async function writeManifest(
  outdir: string,
  manifest: AppManifest,
  external: readonly string[],
): Promise<void> {
  const { name, version, license, dependencies = {} } = manifest;
  const kept = Object.fromEntries(external.map((each) => [each, dependencies[each] ?? '*']));
  const written = {
    name,
    version,
    license,
    private: true,
    type: 'module',
    main: 'main.js',
    engines: { node: `>=${NODE}` },
    dependencies: kept,
  };
  await writeFile(join(outdir, 'package.json'), `${JSON.stringify(written, null, 2)}\n`);
}

const [app, to] = process.argv.slice(2);
if (app === undefined || app.startsWith('-')) {
  process.stdout.write(USAGE);
  process.exitCode = app === '--help' || app === '-h' ? 0 : 1;
} else {
  process.stdout.write(`Built ${await bundle(app, to)}\n`);
}

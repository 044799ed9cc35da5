import { execFile } from 'node:child_process';
import {
  access,
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { coreWorkerNames } from '@longshore/contracts';
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';

/** The oldest major version that bundles run on. */
const NODE = 24;

const USAGE = `Bundles an app into dist/apps/<app>: main.js that starts app.js, the threads it starts, the files
they need, and a package.json.
It runs alone with Node ${NODE}.

  node tools/src/build.ts <app> [<folder>]

Into the folder, when one is given, which is emptied first.

Example:
  node tools/src/build.ts general && node dist/apps/general/main.js --help
`;

/** The folder of a bundle that holds what the engine compiled of it. */
const COMPILED = 'compiled';
/** Root, and the user of the images. */
const USERS = [0, 1000];

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
 * Starts the bundle, with what is compiled already. In the language of every Node that knows ES modules, for an older one than the bundle needs would
 * complain about its syntax or its imports before the first line of it ran.
 */
const starter = (heap: string) => `if (parseInt(process.versions.node, 10) < ${NODE}) {
  console.error('Longshore needs Node ${NODE} or later, and this is Node ' + process.versions.node + '.');
  process.exitCode = 1;
} else {
  ${heap}// A cache that cannot be used is done without.
  try {
    process.getBuiltinModule('module').enableCompileCache({ directory: import.meta.dirname + '/${COMPILED}', portable: true });
  } catch (error) {}
  import('./app.js');
}
`;

/**
 * A heap that grows by what is kept, not by what is made: without it the engine gives its youngest objects 16 MiB while an app is loaded, and
 * keeps them; and less code is kept compiled. What was loaded ends that where it costs speed (`settleHeap` in libs/tasks). It is said here, since
 * whoever starts the bundle would have to know.
 */
const SMALL_HEAP = `process.getBuiltinModule('v8').setFlagsFromString('--semi-space-growth-factor=1');
  process.getBuiltinModule('v8').setFlagsFromString('--optimize-for-size');
  `;

/**
 * Node's own modules as values instead of imports. An import copies every export of a module, and so loads what some of them only stand
 * for: `node:http` has the whole client of `fetch` behind it, which costs 6 MiB in a process and 4 in each of its threads.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z_/0-9]+$/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
      loader: 'js',
    }));
  },
};

/** Where axios looks whether Node's own class of forms is there, which loads the client of `fetch`: it knows its objects without it. */
const ASKS_FOR_FORMS = "typeof G.FormData !== 'undefined' ? G.FormData : undefined";

/**
 * What axios loads and our calls never use: its ways to call that are for browsers, the forms that it writes itself (ours are Node's own) with
 * a list of all kinds of files, and HTTP/2 before somebody asks for it. The first two also load the client of `fetch`.
 */
const leanAxios: Plugin = {
  name: 'lean-axios',
  setup({ onResolve, onLoad }) {
    onLoad({ filter: /[\\/]axios[\\/]lib[\\/]adapters[\\/](fetch|xhr)\.js$/ }, () => ({
      contents: 'export const getFetch = () => null; export default null;',
      loader: 'js',
    }));
    onLoad(
      { filter: /[\\/]axios[\\/]lib[\\/](platform[\\/]node|env)[\\/]classes[\\/]FormData\.js$/ },
      () => ({
        contents: 'export default null;',
        loader: 'js',
      }),
    );
    onLoad({ filter: /[\\/]axios[\\/]lib[\\/]utils\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!text.includes(ASKS_FOR_FORMS))
        throw new Error(`${path} asks for forms in another way than it did`);
      return { contents: text.replace(ASKS_FOR_FORMS, 'undefined'), loader: 'js' };
    });
    onResolve({ filter: /^http2$/ }, ({ importer }) =>
      /[\\/]axios[\\/]/.test(importer) ? { path: 'http2', namespace: 'at-first-use' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'at-first-use' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, key) => process.getBuiltinModule(${JSON.stringify(path)})[key] })`,
      loader: 'js',
    }));
  },
};

interface AppManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly longshore?: {
    /** `small`: loads with a heap that is kept small. Default: as Node does. */
    readonly heap?: 'small';
    /** `workers`: all of them can run in the process of this app, `worker-<name>.js` each, with all that they need. */
    readonly packs?: 'workers';
    /** Further entries of the bundle, by file name in it: the threads that the app starts. */
    readonly threads?: Record<string, string>;
    /** Files and folders (`name/`) of packages that lie beside the bundle, by their names there. */
    readonly assets?: Record<string, string>;
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
  const project = await projectOf(root, app);
  const { heap, packs } = project.manifest.longshore ?? {};
  const packed = await Promise.all((packs ? coreWorkerNames : []).map((name) => projectOf(root, name)));
  const projects = [project, ...packed];
  const external = projects.flatMap(({ manifest }) => manifest.longshore?.external ?? []);
  const outdir = to ?? join(root, 'dist/apps', app);
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  const entries = {
    ...(await entryPoints(root, projects)),
    ...Object.fromEntries(
      packed.map(({ name, folder }) => [`worker-${name}`, join(folder, 'src/worker.ts')]),
    ),
  };
  const { metafile } = await build({
    entryPoints: { ...entries, ...shelves() },
    outdir,
    absWorkingDir: root,
    metafile: true,
    bundle: true,
    splitting: true,
    chunkNames: 'part-[hash]',
    plugins: [leanAxios, lazyBuiltins],
    platform: 'node',
    target: `node${NODE}`,
    format: 'esm',
    minifyWhitespace: true,
    minifySyntax: true,
    // Names stay as they are written: errors and logs tell them, and to keep them beside shortened ones (`keepNames`) costs 6 MiB.
    minifyIdentifiers: false,
    sourcemap: true,
    legalComments: 'linked',
    banner: { js: BANNER },
    external: ['pg-native', 'redis', 'bullmq-otel', '@valkey/valkey-glide', ...external],
    logLevel: 'warning',
  });
  await removeUnreached(root, metafile, Object.keys(entries));
  for (const { manifest, folder } of projects) await copyAssets(manifest, folder, outdir);
  await writeFile(join(outdir, 'main.js'), starter(heap === 'small' ? SMALL_HEAP : ''));
  await writeManifest(outdir, projects, external);
  await copyFile(join(root, 'LICENSE'), join(outdir, 'LICENSE'));
  await compile(outdir);
  return outdir;
}

/**
 * Runs the bundle once, which writes down what the engine compiled: a start that finds it, by the same Node, is spared that (docs/decisions/memory.md has how long it takes).
 * Node keeps it apart for each user; what belongs to the bundle is for root and for the user of the images too.
 */
async function compile(outdir: string): Promise<void> {
  await promisify(execFile)(process.execPath, ['main.js', '--help'], { cwd: outdir, env: {} });
  const folder = join(outdir, COMPILED);
  for (const written of await readdir(folder)) {
    const files = await readdir(join(folder, written));
    // Node writes them for their owner's eyes alone; the rest of the bundle can be read by anybody.
    for (const file of files) await chmod(join(folder, written, file), 0o644);
    const names = USERS.map((uid) => written.replace(/-\d+$/, `-${uid}`)).filter((name) => name !== written);
    for (const name of names) await symlink(written, join(folder, name));
  }
}

interface Project {
  /** That of its folder below apps/. */
  readonly name: string;
  readonly folder: string;
  readonly manifest: AppManifest;
}

async function projectOf(root: string, name: string): Promise<Project> {
  const folder = join(root, 'apps', name);
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as AppManifest;
  return { name, folder, manifest };
}

async function entryPoints(root: string, projects: readonly Project[]): Promise<Record<string, string>> {
  const [
    {
      folder: own,
      manifest: { dependencies = {} },
    },
  ] = projects as [Project];
  const threads = projects.flatMap(({ folder, manifest }) =>
    Object.entries(manifest.longshore?.threads ?? {}).map(([name, file]) => [name, join(folder, file)]),
  );
  const isWorker = '@longshore/tasks' in dependencies;
  const ofWorkers = Object.entries(isWorker ? WORKER_ENTRIES : {}).map(([name, file]) => [
    name,
    join(root, file),
  ]);
  for (const [, file = ''] of ofWorkers) await access(file);
  return {
    app: join(own, 'src/main.ts'),
    ...(Object.fromEntries([...ofWorkers, ...threads]) as Record<string, string>),
  };
}

/**
 * What comes into files of its own although one alone would do. The engine takes each file as one piece, and what it needed for the
 * largest of them is never given back: with all in one file of 3 MB a worker has 20 MiB more for as long as it lives.
 */
const ON_SHELVES = ['zod', 'axios', 'bullmq', 'ioredis', 'winston'];

function shelves(): Record<string, string> {
  return Object.fromEntries(ON_SHELVES.map((name) => [`shelf-${name.replace(/\W/g, '-')}`, name]));
}

/** What no entry of the app leads to is of no use. */
async function removeUnreached(
  root: string,
  { outputs }: Metafile,
  entries: readonly string[],
): Promise<void> {
  const reached = new Set<string>();
  const reach = (file: string): void => {
    if (reached.has(file) || outputs[file] === undefined) return;
    reached.add(file);
    for (const { path } of outputs[file].imports) reach(path);
  };
  const files = Object.keys(outputs).filter((file) => file.endsWith('.js'));
  for (const file of files) if (entries.some((name) => file.endsWith(`/${name}.js`))) reach(file);
  for (const file of files.filter((each) => !reached.has(each)))
    for (const each of [file, `${file}.map`, `${file}.LEGAL.txt`])
      await rm(join(root, each), { force: true });
}

async function copyAssets({ longshore }: AppManifest, folder: string, outdir: string): Promise<void> {
  const { resolve: locate } = createRequire(join(folder, 'package.json'));
  for (const [name, source] of Object.entries(longshore?.assets ?? {})) {
    const [, packageName, inside] = /^((?:@[^/]+\/)?[^/]+)\/(.+)\/$/u.exec(source) ?? [];
    const path =
      packageName === undefined || inside === undefined
        ? locate(source)
        : join(dirname(locate(`${packageName}/package.json`)), inside);
    await cp(path, join(outdir, name), { recursive: true });
  }
}

/** What is left to install beside the bundle: nothing but the external packages. */
async function writeManifest(
  outdir: string,
  projects: readonly Project[],
  external: readonly string[],
): Promise<void> {
  const [{ manifest }] = projects as [Project];
  const { name, version, license } = manifest;
  const dependencies = Object.assign({}, ...projects.map((each) => each.manifest.dependencies)) as Record<
    string,
    string
  >;
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

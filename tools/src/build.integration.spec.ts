import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { coreWorkerNames, RELEASE } from '@longshore/contracts';
import { transformSync } from 'esbuild';
import { root } from './run-steps.ts';

const apps = ['backend', ...coreWorkerNames, 'packed', 'cli'];
const processes = apps.slice(0, -1);
const workers = processes.slice(1);
let elsewhere: string;

beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'longshore-bundles-'));
  for (const app of apps) {
    const built = spawnSync(process.execPath, ['tools/src/build.ts', app, join(elsewhere, app)], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([app, built.status, built.stderr]).toEqual([app, 0, '']);
  }
});
afterAll(() => rm(elsewhere, { recursive: true, force: true }));

/** Runs a bundle in a folder that holds nothing else, without any setting. */
function run(app: string, args: string[] = [], nodeArgs: string[] = []) {
  const folder = join(elsewhere, app);
  return spawnSync(process.execPath, [...nodeArgs, 'main.js', ...args], {
    cwd: folder,
    env: {},
    encoding: 'utf8',
    // One that hangs fails by its status instead of holding everything up.
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
}

/** One line in a Chinese font that the file does not hold. */
const NAMED_FONT_PDF = `%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>> endobj
4 0 obj <</Length 45>> stream
BT /F1 12 Tf 50 700 Td <53D1796853F77801> Tj ET
endstream endobj
5 0 obj <</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>> endobj
6 0 obj <</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>> endobj
trailer <</Root 1 0 R/Size 7>>
%%EOF
`;

/** Makes the Node that runs the bundle say that it is another one. */
const olderNode = [
  '--import',
  "data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'22.20.0'}})",
];

/** Makes Node say at its end which of its own modules were loaded. */
const tellingModules = [
  '--import',
  "data:text/javascript,process.on('exit',()=>process.stdout.write(process.moduleLoadList.join(',')))",
];

describe('the bundle of', () => {
  it.each(apps)('%s tells how it is used', (app) => {
    const { status, stdout, stderr } = run(app, ['--help']);
    expect({ app, status, stderr }).toEqual({ app, status: 0, stderr: '' });
    expect(stdout).toContain('Examples');
    expect(stdout).toContain('--version');
  });

  it.each(apps)('%s tells its version', (app) => {
    const { status, stdout, stderr } = run(app, ['--version']);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${RELEASE}\n`, stderr: '' });
  });

  it.each(apps)('%s says in one sentence that it needs a newer Node, and does nothing else', (app) => {
    const { status, stdout, stderr } = run(app, ['--help'], olderNode);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'Longshore needs Node 24 or later, and this is Node 22.20.0.\n',
    });
  });

  it.each(apps)('%s begins with a file that any older Node can read', async (app) => {
    const text = await readFile(join(elsewhere, app, 'main.js'), 'utf8');
    expect(() => transformSync(text, { target: 'node14' })).not.toThrow();
    expect(text).not.toMatch(/^import\s|\bconst\b|=>|`/m);
  });

  it.each(processes)('%s refuses a command line that it does not understand', (app) => {
    const { status, stdout, stderr } = run(app, ['--payroll']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain("'--payroll'");
    expect(stderr).toContain('see --help');
  });

  it.each(processes)('%s refuses to start without settings and names each that is missing', (app) => {
    const { status, stderr } = run(app);
    expect(status).toBe(1);
    expect(stderr).toContain('BROKER_URL');
    expect(stderr).toContain(app === 'backend' ? 'DATABASE_URL' : 'INTERNAL_SERVICE_API_KEY');
  });

  it.each(processes)('%s needs nothing installed beside it', async (app) => {
    const manifest = JSON.parse(await readFile(join(elsewhere, app, 'package.json'), 'utf8')) as {
      dependencies: object;
    };
    expect(manifest.dependencies).toEqual({});
    expect(await readdir(join(elsewhere, app))).toContain('LICENSE');
  });

  it.each(workers)(
    '%s loads neither the client of fetch nor HTTP/2, which cost memory for nothing',
    (app) => {
      const { status, stdout } = run(app, [], tellingModules);
      expect(status).toBe(1);
      expect(stdout).toContain('NativeModule https');
      expect(stdout).not.toMatch(/undici|http2/);
    },
  );

  it.each(['callback', 'api-deployment'])('%s carries no schemas of the public API', async (app) => {
    const maps = (await readdir(join(elsewhere, app))).filter((file) => file.endsWith('.map'));
    const sources = await Promise.all(maps.map((file) => readFile(join(elsewhere, app, file), 'utf8')));
    expect(sources.join()).toContain('contracts/src/claims.ts');
    expect(sources.join()).not.toMatch(/contracts\/src\/(failures-api|tasks-api|routes\/executions)\.ts/);
  });

  it.each(['file-processing', 'cli'])('%s brings what it reads documents with', async (app) => {
    const beside = await readdir(join(elsewhere, app));
    expect(beside).toEqual(expect.arrayContaining(['tesseract.wasm', 'pdfium.wasm', 'eng.traineddata.gz']));
    const tables = await readdir(join(elsewhere, app, 'cmaps'));
    expect(tables).toEqual(
      expect.arrayContaining(['UniGB-UCS2-H.bcmap', 'Adobe-Japan1-UCS2.bcmap', 'LICENSE']),
    );
  });

  it('cli reads text of fonts that a PDF only names', async () => {
    await writeFile(join(elsewhere, 'cli', 'named.pdf'), NAMED_FONT_PDF);
    expect(run('cli', ['extract', 'named.pdf', '--text'])).toMatchObject({ status: 0, stdout: '发票号码\n' });
  });

  it.each(processes)('%s starts from what was compiled when it was built, wherever it lies', async (app) => {
    const moved = join(elsewhere, 'moved', app);
    await cp(join(elsewhere, app), moved, { recursive: true });
    const { stderr } = spawnSync(process.execPath, ['main.js', '--version'], {
      ...{ cwd: moved, encoding: 'utf8', env: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' } },
    });
    // This tells only what Node says of its cache.
    expect(stderr).toMatch(/app\.js was accepted/);
    expect(stderr).not.toMatch(/rejected|not initialized|denied/);
  });

  it('one of whose folder holds no such thing, and takes none, starts all the same', async () => {
    const bare = join(elsewhere, 'bare');
    await cp(join(elsewhere, 'callback'), bare, { recursive: true });
    await rm(join(bare, 'compiled'), { recursive: true });
    await writeFile(join(bare, 'compiled'), 'a file where a folder would be');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['main.js', '--version'], {
      ...{ cwd: bare, encoding: 'utf8', env: {} },
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${RELEASE}\n`, stderr: '' });
  });

  it.each(workers)('%s brings its threads along', async (app) => {
    expect(await readdir(join(elsewhere, app))).toEqual(
      expect.arrayContaining([
        'heartbeat-thread.js',
        'isolate-thread.js',
        'isolate-process.js',
        'watchdog-thread.js',
      ]),
    );
  });
});

import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { format } from 'prettier';
import { clientDeclarations } from './client-types.ts';

const USAGE = `Builds @longshore/client as a package of JavaScript and declarations that needs no other, into dist/client.

  node tools/src/build-client.ts [<folder>]

Into the folder, when one is given, which is emptied first.

Example:
  node tools/src/build-client.ts && cd my-project && npm install /path/to/longshore/dist/client
`;

/** The oldest Node whose streams the client can send. */
const NODE = '20.6';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

async function buildClient(outdir: string): Promise<void> {
  const root = resolve(import.meta.dirname, '../..');
  const folder = join(root, 'libs/client');
  const types = join(outdir, 'types');
  const declarations = clientDeclarations(join(folder, 'src'), join(root, 'tsconfig.json'));
  await rm(outdir, { recursive: true, force: true });
  await mkdir(types, { recursive: true });
  await build({
    entryPoints: [join(folder, 'src/index.ts')],
    outfile: join(outdir, 'index.js'),
    bundle: true,
    platform: 'neutral',
    target: 'es2022',
    format: 'esm',
    logLevel: 'warning',
  });
  for (const [name, text] of declarations)
    await writeFile(join(types, name), await format(text, { parser: 'typescript', singleQuote: true }));
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as Manifest;
  await writeFile(
    join(outdir, 'package.json'),
    `${JSON.stringify(manifest({ name, version, license }), null, 2)}\n`,
  );
  await copyFile(join(folder, 'README.md'), join(outdir, 'README.md'));
  await copyFile(join(root, 'LICENSE'), join(outdir, 'LICENSE'));
}

function manifest(from: Manifest) {
  return {
    ...from,
    description: 'Typed client of the public API of Longshore.',
    type: 'module',
    exports: { '.': { types: './types/index.d.ts', default: './index.js' } },
    types: './types/index.d.ts',
    files: ['index.js', 'types'],
    sideEffects: false,
    engines: { node: `>=${NODE}` },
  };
}

const [to] = process.argv.slice(2);
if (to?.startsWith('-')) {
  process.stdout.write(USAGE);
  process.exitCode = to === '--help' || to === '-h' ? 0 : 1;
} else {
  const outdir = resolve(to ?? join(import.meta.dirname, '../../dist/client'));
  await buildClient(outdir);
  process.stdout.write(`Built ${outdir}\n`);
}

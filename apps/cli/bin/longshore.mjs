#!/usr/bin/env node
// Starts the command with a Node that can run it. The first `node` on the PATH may be an older one, while npm installed the right one
// beside the command. Runs on old Nodes, and needs no package.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;
const main = new URL('../src/main.ts', import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= OLDEST) await import(main.href);
else startWith(installedNode(fileURLToPath(new URL('.', import.meta.url))));

/** The Node of the nearest `node_modules` upward. */
function installedNode(folder) {
  const node = join(
    folder,
    'node_modules',
    'node',
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  if (existsSync(node)) return node;
  const parent = dirname(folder);
  return parent === folder ? undefined : installedNode(parent);
}

function startWith(node) {
  if (node === undefined) {
    const checkout = fileURLToPath(new URL('../../..', import.meta.url));
    console.error(
      `longshore needs Node ${OLDEST} or later, and this is ${process.version}: run "npm ci" in ${checkout}, which installs one, or put a newer one first on your PATH.`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      // A terminal tells Ctrl-C to both; told twice, the command would give up what it has not finished.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  child.once('error', (error) => {
    console.error(`${node} cannot be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exitCode = code;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}

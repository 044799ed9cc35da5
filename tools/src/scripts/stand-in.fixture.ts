import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../run-steps.ts';

interface Answer {
  /** A pattern of the shell for the whole line of arguments. */
  readonly to: string;
  /** What is done then, in the language of the shell. */
  readonly by: string;
}

/** Runs the operator's scripts with stand-ins of docker and kubectl on the PATH: they record what they were asked, and do nothing. */
export function standIns() {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-stand-ins-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const record = join(folder, 'asked');

  /** A program of this name that does what fits first, else says that it was asked. */
  function standIn(name: string, answers: readonly Answer[] = []): void {
    const cases = answers.map(({ to, by }) => `  ${to}) ${by} ;;\n`).join('');
    const script = `#!/bin/sh\necho "${name} $*" >> '${record}'\ncase "$*" in\n${cases}  *) echo "stand-in of ${name}: $*" ;;\nesac\n`;
    writeFileSync(join(bin, name), script, { mode: 0o755 });
  }

  return {
    folder,
    standIn,
    /** What the stand-ins were asked since the last time, a line each. */
    asked(): string[] {
      const lines = readFileSync(record, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1);
      writeFileSync(record, '');
      return lines.map((line) => line.replaceAll(`${root}/`, ''));
    },
    /** Runs a script of tools/ to its end. */
    run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
      const options = {
        env: { ...process.env, PATH: `${bin}:${process.env['PATH']}`, LONGSHORE_HOME: folder, ...env },
      };
      return new Promise<{ code: number; out: string; err: string }>((done) => {
        execFile(join(root, 'tools', script), args, options, (error, out, err) =>
          done({ code: error === null ? 0 : Number(error.code), out, err }),
        );
      });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

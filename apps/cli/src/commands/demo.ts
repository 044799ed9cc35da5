import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { makeDemoHome, removeDemoHome, sweepDemoHomes } from '../demo/demo-home.ts';
import { runDemo } from '../demo/run-demo.ts';
import { configure } from '../home/configuration.ts';
import { holdHome } from '../home/hold-home.ts';
import { createPlatformLogger } from '../output/platform-logger.ts';
import type { Terminal } from '../output/terminal.ts';

const EXAMPLES = `
Examples:
  longshore demo
  longshore demo --samples ~/my-invoices     a folder with invoices.yaml and documents
  longshore demo --json > demo.json`;

const SHIPPED_SAMPLES = join(import.meta.dirname, '..', '..', '..', '..', 'samples');

/** Adds `longshore demo`. */
export function addDemo(program: Command, terminal: Terminal): void {
  program
    .command('demo')
    .summary('try it: process the sample documents on a platform of their own')
    .description(
      'Starts a whole platform in a temporary folder on free ports, sends it the sample documents, shows what it finds in them, ' +
        'and removes everything but the result. Nothing of yours is touched.',
    )
    .addOption(
      new Option('--samples <folder>', 'folder with invoices.yaml and the documents').default(
        SHIPPED_SAMPLES,
        'those of the checkout',
      ),
    )
    .option('--json', 'print the whole execution as JSON, and where its result is kept')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { samples: string; json?: true }) => {
      const samples = resolve(flags.samples);
      if (!existsSync(samples)) throw usageError(`There is no folder ${samples}: name one with --samples.`);
      await demo(samples, { terminal, json: flags.json === true });
    });
}

async function demo(
  samples: string,
  { terminal, json }: { terminal: Terminal; json: boolean },
): Promise<void> {
  const interrupted = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void =>
    interrupted.abort(new CliError(`The demo was stopped by ${signal}.`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  await sweepDemoHomes(Date.now());
  const home = makeDemoHome();
  const lock = await holdHome(home);
  const logger = createPlatformLogger({
    dir: home.logs,
    level: 'info',
    tell: terminal.err,
    tellsWarnings: () => false,
  });
  const resultFile = join(configure(['longshoreHome']).longshoreHome, 'demo-result.json');
  try {
    await runDemo({ home, samples, resultFile, terminal, json, logger, signal: interrupted.signal });
  } finally {
    await logger.close();
    lock.release();
    removeDemoHome(home);
  }
}

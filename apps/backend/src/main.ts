import { createLogger, runProcess } from '@longshore/runtime';
import { startBackend } from './backend.ts';
import { answerTo } from './command-line.ts';
import { loadBackendConfig } from './config.ts';

await runProcess(() => {
  const answer = answerTo(process.argv.slice(2));
  if (answer !== undefined) {
    process.stdout.write(answer);
    process.exit(0);
  }
  const config = loadBackendConfig();
  const logger = createLogger({
    worker: 'backend',
    level: config.logLevel,
    dir: config.logDir,
    // A parent that keeps us running reads the file; one line is enough for one event.
    ...(config.parentPipe && config.logDir !== undefined ? { destination: null } : {}),
  });
  return {
    name: 'backend',
    logger,
    graceMs: config.shutdownGraceMs,
    parentPipe: config.parentPipe,
    start: (lifecycle) => startBackend(config, lifecycle, logger),
  };
});

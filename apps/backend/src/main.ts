import { createLogger, misspeltVariables, runProcess } from '@longshore/runtime';
import { migrateInPeace, resealAll, startBackend } from './backend.ts';
import { commandOf } from './command-line.ts';
import { loadBackendConfig } from './config.ts';

await runProcess(() => {
  const command = commandOf(process.argv.slice(2));
  if (command.kind === 'print') return command.text;
  const config = loadBackendConfig();
  const logger = createLogger({
    worker: 'backend',
    level: config.logLevel,
    dir: config.logDir,
    // A parent that keeps us running reads the file; one line is enough for one event.
    ...(config.parentPipe && config.logDir !== undefined ? { destination: null } : {}),
  });
  for (const sentence of misspeltVariables()) logger.warn(sentence);
  return {
    name: 'backend',
    logger,
    graceMs: config.shutdownGraceMs,
    parentPipe: config.parentPipe,
    start: async (lifecycle) => {
      if (command.kind === 'serve') return startBackend(config, lifecycle, logger);
      if (command.kind === 'migrate') await migrateInPeace(config.databaseUrl, logger);
      else await resealAll(config, logger);
      // Done: as if somebody had told it to stop.
      process.kill(process.pid, 'SIGTERM');
    },
  };
});

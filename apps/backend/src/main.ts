import { createLogger, runProcess } from '@longshore/runtime';
import { startBackend } from './backend.ts';
import { loadBackendConfig } from './config.ts';

await runProcess(() => {
  const config = loadBackendConfig();
  const logger = createLogger({
    worker: 'backend',
    level: config.logLevel,
    ...(config.logDir === undefined ? {} : { dir: config.logDir }),
  });
  return {
    name: 'backend',
    logger,
    graceMs: config.shutdownGraceMs,
    parentPipe: config.parentPipe,
    start: (lifecycle) => startBackend(config, lifecycle, logger),
  };
});

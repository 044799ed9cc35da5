import { silentLogger } from '@longshore/runtime';
import { startEmbeddedPostgres } from './index.ts';

/**
 * Starts a server in the folder of the first argument and tells about it in one line of JSON. Runs until its standard
 * input ends, or until it is killed.
 */
try {
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '', logger: silentLogger() });
  const url = await server.createDatabase({ name: 'longshore', role: 'longshore' });
  console.log(JSON.stringify({ url, port: server.port, adoptedFrom: server.adoptedFrom }));
  for await (const _ of process.stdin);
  await server.stop();
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message }));
  process.exitCode = 1;
}

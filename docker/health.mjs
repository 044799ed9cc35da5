// Asks a process of this container whether it lives: exit code 0 when it does. Usage: node health.mjs <port> [<path>]
const [port, path = '/live'] = process.argv.slice(2);
const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4_000) }).catch(
  (error) => ({
    ok: false,
    text: () => `${error.cause?.code ?? error.name}: nothing answers on port ${port}`,
  }),
);
process.stdout.write(`${await answer.text()}\n`);
process.exitCode = answer.ok ? 0 : 1;

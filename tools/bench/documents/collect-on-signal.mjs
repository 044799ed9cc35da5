/**
 * Loaded into every Node process of a measured platform (`--expose-gc --import`): at SIGUSR2 it collects garbage, in its threads too, so
 * that what stays in memory can be told from what only waits to be collected.
 */
import { isMainThread } from 'node:worker_threads';

const channel = new BroadcastChannel('longshore-bench-collect');
channel.onmessage = () => globalThis.gc?.();
// Neither shall keep a process or a thread alive.
channel.unref();
if (isMainThread) {
  process.on('SIGUSR2', () => {
    globalThis.gc?.();
    channel.postMessage('collect');
  });
}

/** Has one thread read the same table again and again and prints what its heap then takes, in MiB. Run as a process, which alone hears of its threads. */
import type { Worker } from 'node:worker_threads';
import { createReadingPool } from './reading-pool.ts';

const TIMES = 25;
const threads: Worker[] = [];
process.on('worker', (thread) => threads.push(thread));

const rows = Array.from({ length: 20_000 }, (_, row) => `row ${row},quay ${row * 7},berth ${row * 13}`);
const table = new TextEncoder().encode(rows.join('\n'));
const pool = createReadingPool({ threads: 1 });
for (let time = 0; time < TIMES; time += 1)
  await pool.process(Uint8Array.from(table), { name: 'a.csv', definition: { steps: [{ read: {} }] } });
// An idle thread of the pool keeps no process alive.
threads[0]!.ref();
const { total_heap_size: bytes } = await threads[0]!.getHeapStatistics();
await pool.close();
process.stdout.write(`${Math.round(bytes / 1024 / 1024)}\n`);

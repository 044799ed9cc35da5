/** Reads one file and prints what it is; run under `node --watch` as in development. */
import { createReadingPool } from './reading-pool.ts';

const pool = createReadingPool({ threads: 1 });
const bytes = new TextEncoder().encode('Invoice No: A-17');
const { document } = await pool.process(bytes, { name: 'a.txt', definition: { steps: [{ read: {} }] } });
await pool.close();
process.stdout.write(`read ${document.kind}\n`);

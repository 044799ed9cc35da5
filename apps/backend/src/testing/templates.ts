import { waitForBroker } from '@longshore/broker';
import { silentLogger } from '@longshore/runtime';
import type { DatabaseTemplate } from '@longshore/testing';
import { createDatabase } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { ensurePartitions } from '../store/partitions.ts';

/** A database of the truth as this release makes it, before anything was done with it. */
export const truth: DatabaseTemplate = {
  name: 'truth',
  async fill(url) {
    const database = createDatabase({ url, logger: silentLogger(), connections: 1 });
    try {
      await migrate(database, silentLogger());
      await ensurePartitions(database, new Date());
    } finally {
      await database.close();
    }
  },
};

/** A broker's database with its tables, and nothing in them. */
export const broker: DatabaseTemplate = {
  name: 'broker',
  fill: async (url) => {
    await waitForBroker({ brokerUrl: url, logger: silentLogger(), signal: AbortSignal.timeout(30_000) });
  },
};

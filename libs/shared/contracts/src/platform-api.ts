import { z } from 'zod';

const timestamp = z.iso.datetime();

const workerProcess = {
  worker: z.string(),
  instance: z.string(),
  hostname: z.string(),
};

/** `GET /api/v1/platform`: how the backend that answers finds its surroundings at this moment. */
export const platformSchema = z.object({
  release: z.string(),
  contract_version: z
    .int()
    .describe('Of the internal API; workers of this version and the one before are served.'),
  node: z.string().describe('Version of Node that runs the backend.'),
  time: timestamp.describe("The clock of the backend's machine."),
  database: z.object({
    version: z.string(),
    clock_ahead_ms: z
      .number()
      .describe("How far the clock of the database is ahead of the backend's; negative: behind it."),
    pending_migrations: z
      .array(z.string())
      .describe('Changes of the schema that this release still has to make.'),
    later_migrations: z.array(z.string()).describe('Changes that a later release made.'),
  }),
  broker: z.object({
    kind: z.enum(['redis', 'postgres']),
    problem: z
      .string()
      .nullable()
      .describe('Why it cannot be used, its eviction policy included; null: it can.'),
  }),
  storage: z.object({
    free_bytes: z.number().nullable(),
    problem: z.string().nullable().describe('Why nothing can be written there; null: it can.'),
  }),
  workers: z
    .array(z.object({ ...workerProcess, contract_version: z.int() }))
    .describe('Those that are alive.'),
  lapsed: z
    .array(z.object({ ...workerProcess, lapsed_at: timestamp }))
    .describe('Worker processes that were given up in the last 24 hours, the latest first; at most 100.'),
});
export type Platform = z.infer<typeof platformSchema>;

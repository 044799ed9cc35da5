import { rmSync } from 'node:fs';
import type { Logger } from '@longshore/runtime';
import { asAdmin } from './admin-connection.ts';
import {
  isPostmasterOf,
  type PostmasterFile,
  postmasterPath,
  readPostmasterFile,
} from './postmaster-file.ts';
import { serverMarker } from './server-arguments.ts';
import { type ServerContext, type ServerProcess, stopServer } from './server-process.ts';

/** How long a server that is starting, recovering or stopping may take to get there. */
const SETTLE_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 20;
const WATCH_EVERY_MS = 250;

export interface LeftoverContext extends ServerContext {
  readonly password: string;
  /** The only port that will do, if there is one. */
  readonly port: number | undefined;
  readonly logger: Logger;
}

/**
 * Looks for a server that outlived the process which started it. One that answers under our password and carries our marker
 * is taken over; one that is on our data folder but does not is stopped. A file that names no such server is removed: its
 * process id may be anybody's by now, and PostgreSQL would refuse to start because of it.
 */
export async function adoptLeftover(context: LeftoverContext): Promise<ServerProcess | undefined> {
  const { placement, logger } = context;
  const file = await settled(context);
  if (file === undefined) {
    rmSync(postmasterPath(placement.data), { force: true });
    return undefined;
  }
  const refusal = await whyNotAdopted(file, context);
  if (refusal === undefined && file.port !== undefined) return adopted(file.pid, file.port, placement.data);
  logger.info('stopping the PostgreSQL that was left behind', { pid: file.pid, reason: refusal });
  await stopServer(file.pid, context);
  return undefined;
}

/** The running server of this data folder once it is ready, or as it is when that takes too long. */
async function settled({ placement: { data }, clock }: LeftoverContext): Promise<PostmasterFile | undefined> {
  const deadline = clock.monotonic() + SETTLE_WITHIN_MS;
  for (;;) {
    const file = readPostmasterFile(data);
    if (file === undefined || !isPostmasterOf(file.pid, data)) return undefined;
    if (file.ready || clock.monotonic() >= deadline) return file;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

async function whyNotAdopted(file: PostmasterFile, context: LeftoverContext): Promise<string | undefined> {
  if (!file.ready || file.port === undefined) return 'it does not become ready';
  if (context.port !== undefined && file.port !== context.port) return 'it has another port';
  try {
    const marker = await asAdmin({ port: file.port, password: context.password }, async (client) => {
      const { rows } = await client.query<{ cluster_name: string }>('SHOW cluster_name');
      return rows[0]?.cluster_name;
    });
    return marker === serverMarker(context.placement) ? undefined : 'it was started by another release';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Nobody tells the end of a process that is not our child: we look. */
function adopted(pid: number, port: number, data: string): ServerProcess {
  const exited = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isPostmasterOf(pid, data)) return;
      clearInterval(timer);
      resolve();
    }, WATCH_EVERY_MS);
    timer.unref();
  });
  return { pid, port, exited };
}

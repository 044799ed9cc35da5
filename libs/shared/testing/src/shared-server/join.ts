import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { queryOnce } from '@longshore/embedded-postgres';
import type { DatabaseTemplate, TestPostgres } from '../postgres.ts';
import { TEMPLATE_PREFIX, type Place } from './place.ts';

const SOCKET_VARIABLE = 'LONGSHORE_TEST_SERVER';
const KEEPER_STARTS_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 10;
/** Duplicate database, which PostgreSQL notices before it renames, and its unique index, which notices when two rename at once. */
const ALREADY_THERE = new Set(['42P04', '23505']);

/** Where the keeper of this run listens; undefined outside of a run. */
export function sharedServerSocket(): string | undefined {
  return process.env[SOCKET_VARIABLE];
}

/** Tells this process, and those that it starts, where the keeper listens; undefined when there is none any more. */
export function nameSharedServer(socket: string | undefined): void {
  if (socket === undefined) delete process.env[SOCKET_VARIABLE];
  else process.env[SOCKET_VARIABLE] = socket;
}

/** A place on the shared server for as long as the connection to its keeper holds: however that ends, the databases go. */
export async function joinSharedServer(path: string): Promise<TestPostgres> {
  const keeper = await connection(path);
  const place = await placeFrom(keeper);
  const made = new Map<string, Promise<void>>();
  const ready = (template: DatabaseTemplate): Promise<void> => {
    const known = made.get(template.name) ?? makeTemplate(place, template);
    made.set(template.name, known);
    return known;
  };
  return {
    async createDatabase(name, template) {
      if (template !== undefined) await ready(template);
      return await createDatabase(place, name, template);
    },
    async stop() {
      keeper.destroy();
      if (!keeper.closed) await once(keeper, 'close');
    },
  };
}

/** The keeper may still be starting. */
async function connection(path: string): Promise<Socket> {
  const until = performance.now() + KEEPER_STARTS_WITHIN_MS;
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (performance.now() > until) throw error;
      await pause(LOOK_EVERY_MS);
    }
  }
}

async function placeFrom(keeper: Socket): Promise<Place> {
  const lines = createInterface({ input: keeper });
  const gone = once(keeper, 'close').then(() => {
    throw new Error('the shared PostgreSQL did not start: its keeper said why');
  });
  gone.catch(() => undefined);
  const [line] = (await Promise.race([once(lines, 'line'), gone])) as [string];
  lines.close();
  return JSON.parse(line) as Place;
}

async function createDatabase(place: Place, name: string, template?: DatabaseTemplate): Promise<string> {
  const full = `${place.prefix}${name}`;
  const like = template === undefined ? '' : ` template "${TEMPLATE_PREFIX}${template.name}"`;
  await queryOnce(place.adminUrl, `create database "${full}" owner "${place.role}"${like}`);
  return databaseUrl(place, full);
}

/** Whoever comes first gives it its name; what others made meanwhile goes with their own databases. */
async function makeTemplate(place: Place, template: DatabaseTemplate): Promise<void> {
  const name = `${TEMPLATE_PREFIX}${template.name}`;
  const found = await queryOnce(place.adminUrl, 'select from pg_database where datname = $1', [name]);
  if (found.length > 0) return;
  await template.fill(await createDatabase(place, name));
  await queryOnce(place.adminUrl, `alter database "${place.prefix}${name}" rename to "${name}"`).catch(
    (error: { code?: string }) => {
      if (!ALREADY_THERE.has(error.code ?? '')) throw error;
    },
  );
}

function databaseUrl({ adminUrl, role, password }: Place, name: string): string {
  return Object.assign(new URL(adminUrl), { username: role, password, pathname: `/${name}` }).href;
}

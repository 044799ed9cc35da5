import { usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { secondsOf } from './duration-option.ts';

/**
 * A moment as people write it: a date, a date with a time, or how long ago (`2h`).
 * @throws CliError for anything else
 */
export function momentOf(spelled: string, now: number): string {
  if (/^(?:\d+[smhd])+$/.test(spelled)) return new Date(now - secondsOf(spelled) * 1000).toISOString();
  const moment = Date.parse(spelled);
  if (Number.isNaN(moment)) {
    throw usageError(
      `"${spelled}" is no moment: write it as 2h (two hours ago), 2026-05-01 or 2026-05-01T12:00:00Z.`,
    );
  }
  return new Date(moment).toISOString();
}

/** Whoever names an organisation's key means it; else it is the administrator who asks. */
export function connectAsManager(flags: ConnectionFlags): PlatformClient {
  return connect(flags.apiKey === undefined ? 'admin' : 'organisation', flags);
}

/** Only the fields that were given. */
export function given(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const named = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return Object.fromEntries(named);
}

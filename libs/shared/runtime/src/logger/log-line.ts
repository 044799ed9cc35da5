import { boundedText, redact } from './redact.ts';

/** Fields that have been through `redact`. */
export type SafeFields = Readonly<Record<string, unknown>>;

/** What one line says. */
export interface LogRecord {
  readonly time: Date;
  readonly level: string;
  readonly worker: string;
  readonly message: string;
  /** Of the logger. */
  readonly bound: SafeFields;
  /** Of this call, as they came. */
  readonly fields: unknown;
}

/** A line longer than this loses the fields of its call: collectors cut or drop longer ones. */
const LONGEST_LINE = 262_144;

const OWN_NAMES = new Set(['time', 'level', 'worker', 'message']);

/** One line of JSON, without its end. Shows no secret. */
export function logLine({ time, level, worker, message, bound, fields }: LogRecord): string {
  const own = { time: time.toISOString(), level, worker, message: boundedText(String(message)), ...bound };
  const line = JSON.stringify({ ...own, ...safeFields(fields) });
  if (line.length <= LONGEST_LINE) return line;
  return JSON.stringify({ ...own, truncated: `${line.length} characters` });
}

/**
 * What was given as fields, redacted, whatever it is: an error becomes the field `error`. Fields cannot take the place
 * of what every line must say.
 */
export function safeFields(fields: unknown): SafeFields {
  try {
    const safe = redact(fields);
    if (safe === undefined) return {};
    if (fields instanceof Error) return { error: safe };
    if (typeof safe !== 'object' || safe === null || Array.isArray(safe)) return { fields: safe };
    return withoutOwnNames(safe as SafeFields);
  } catch {
    // A revoked proxy throws even at `instanceof`.
    return { fields: '[unreadable]' };
  }
}

function withoutOwnNames(fields: SafeFields): SafeFields {
  if (!Object.keys(fields).some((name) => OWN_NAMES.has(name))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [OWN_NAMES.has(name) ? `field_${name}` : name, value]),
  );
}

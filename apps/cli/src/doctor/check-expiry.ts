import type { KeyView } from '@longshore/contracts';
import { type Finding, note, ok, wrong } from './finding.ts';

const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;
/** Whoever used a key so shortly before its end did not know of it. */
const IN_USE_MS = DAY_MS;

/**
 * Keys that end within 14 days, and those that ended in these days while they were in use.
 * @param now milliseconds, of the clock by which keys end
 */
export function checkExpiry(keys: readonly KeyView[], now: number): Finding[] {
  const inUse = new Map(keys.map(({ id, last_used_at: at }) => [id, at !== null]));
  // Whoever presents the successor has no need of the key before it.
  const isReplaced = ({ successor_id: id }: KeyView) => id !== null && inUse.get(id) === true;
  const findings = keys.filter((key) => !isReplaced(key)).flatMap((key) => expiryOf(key, now));
  return findings.length > 0 ? findings : [ok('keys', 'none that is in use ends within 14 days')];
}

function expiryOf(key: KeyView, now: number): Finding[] {
  if (key.expires_at === null || key.state === 'revoked') return [];
  const [end, lastUse] = [Date.parse(key.expires_at), Date.parse(key.last_used_at ?? '')];
  const successor = `Put its successor (${key.successor_id}) where it is used`;
  if (end > now) {
    if (end - now > SOON_MS) return [];
    const mend =
      key.successor_id === null
        ? `Make its successor, and put that where it is used: longshore keys rotate ${key.id}`
        : `${successor}, before it ends.`;
    return [note('keys', `${named(key)} ends at ${minuteOf(key.expires_at)}`, mend)];
  }
  if (now - end > SOON_MS || !(end - lastUse <= IN_USE_MS)) return [];
  const found = `${named(key)} ended at ${minuteOf(key.expires_at)} while it was in use`;
  const another = 'Make another with "longshore keys create", and put it where it was used.';
  return [wrong('keys', found, key.successor_id === null ? another : `${successor}.`)];
}

function named({ kind, name, organisation }: KeyView): string {
  return `the ${kind} key "${name}"${organisation === null ? '' : ` of ${organisation}`}`;
}

const minuteOf = (moment: string): string => moment.slice(0, 16).replace('T', ' ');

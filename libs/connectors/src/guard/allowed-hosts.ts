/** What the guard allows of a host: nothing, public addresses alone, or internal ones too. */
export type HostPermission = 'none' | 'public' | 'internal';

export interface AllowedHosts {
  /** What is allowed of the host and port of an address, both as the URL parser spells them. */
  permission(host: string, port: number): HostPermission;
  /** Why something is refused that they do not allow, in words that name the setting. */
  readonly refusal: string;
}

/** The settings that say which hosts may be reached. */
export type HostsSetting = 'PIPELINE_HOSTS' | 'PRESIGNED_URL_HOSTS' | 'WEBHOOK_HOSTS';

const WEB_PORTS: readonly number[] = [80, 443];

interface Entry {
  readonly host: string;
  readonly port: number | null;
}

/**
 * Reads a list of hosts. `*.example.com` stands for every host below example.com, `example.com` for that host, `*`
 * for any: each on the standard ports (80 and 443 unless said otherwise) and at public addresses. An entry with a port (`localhost:9000`,
 * `[fd00::9]:443`) allows that one host and port wherever it lies, internal addresses included. An empty list
 * allows any public host. `setting`: where the list stands, for whoever is refused.
 */
export function allowedHosts(
  entries: readonly string[],
  setting: HostsSetting,
  standardPorts: readonly number[] = WEB_PORTS,
): AllowedHosts {
  const parsed = (entries.length === 0 ? ['*'] : entries).map(parseEntry);
  const matches = (entry: Entry, host: string, port: number) =>
    (entry.port === null ? standardPorts.includes(port) : entry.port === port) && fits(entry, host);
  return {
    refusal: `its host or port is not among the allowed ones (${setting})`,
    permission(host, port) {
      const name = host.replace(/\.$/, '').toLowerCase();
      const matching = parsed.filter((entry) => matches(entry, name, port));
      if (matching.length === 0) return 'none';
      const named = matching.some((entry) => entry.port !== null && !entry.host.startsWith('*'));
      return named ? 'internal' : 'public';
    },
  };
}

function parseEntry(entry: string): Entry {
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase())!;
  const isBareV6 = host!.includes(':') && !host!.startsWith('[');
  return isBareV6
    ? { host: `[${entry.toLowerCase()}]`, port: null }
    : { host: host!, port: port === undefined ? null : Number(port) };
}

function fits(entry: Entry, host: string): boolean {
  if (entry.host === '*') return true;
  return entry.host.startsWith('*.') ? host.endsWith(entry.host.slice(1)) : host === entry.host;
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** A number of bytes for people: `17 B`, `3.4 MB`. */
export function byteSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

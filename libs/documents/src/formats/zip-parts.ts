import type { ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';
import { createUnpack, type ZipEntry } from './zip.ts';

/** The parts of a packed document, unpacked when they are asked for. */
export interface ZipParts {
  readonly names: ReadonlySet<string>;
  readonly has: (name: string) => boolean;
  /** Throws UnreadableError when it is missing, damaged or larger than is allowed. */
  readonly read: (name: string) => Uint8Array;
}

/** Opens a packed document. All parts together unpack to no more than the limits allow. */
export function openParts(bytes: Uint8Array, entries: readonly ZipEntry[], limits: ReadLimits): ZipParts {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const unpack = createUnpack(bytes, limits);
  return {
    names: new Set(byName.keys()),
    has: (name) => byName.has(name),
    read: (name) => {
      const entry = byName.get(name);
      if (entry === undefined)
        throw new UnreadableError('corrupt', `The document is damaged: its part "${name}" is missing.`);
      return unpack(entry);
    },
  };
}

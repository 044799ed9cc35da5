import { posix } from 'node:path';
import { attribute, readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

/** What one part of an Office document refers to. */
export interface Relation {
  /** The last word of its type: `worksheet`, `slide`, `sharedStrings`. */
  readonly type: string;
  /** Name of the part. */
  readonly target: string;
}

/** The parts that a part refers to, by the identifiers that it uses for them. References out of the file are left out. */
export function readRelations(parts: ZipParts, part: string, what: string): ReadonlyMap<string, Relation> {
  const relations = new Map<string, Relation>();
  const slash = part.lastIndexOf('/') + 1;
  const name = `${part.slice(0, slash)}_rels/${part.slice(slash)}.rels`;
  if (!parts.has(name)) return relations;
  readXmlEvents(parts.read(name), what, {
    open: (element, attributes) => {
      if (element !== 'Relationship' || attribute(attributes, 'TargetMode') === 'External') return;
      const target = attribute(attributes, 'Target') ?? '';
      const type = (attribute(attributes, 'Type') ?? '').split('/').at(-1) ?? '';
      relations.set(attribute(attributes, 'Id') ?? '', { type, target: partName(part, target) });
    },
  });
  return relations;
}

/** The part that a name in another part means: a relative name begins at the folder of the part that says it. */
export function partName(part: string, target: string): string {
  const name = target.startsWith('/') ? target : posix.join(posix.dirname(part), target);
  return posix.normalize(name).replace(/^\/+/u, '');
}

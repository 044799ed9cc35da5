import { validationError, type ApplyDocument, type CredentialDocument } from '@longshore/contracts';
import type { Change } from '../deployments/apply-plan.ts';
import { SealingError, type Sealing } from '../sealing/sealing.ts';
import type { SqlClient } from '../store/database.ts';
import {
  holdCredentials,
  insertCredential,
  openedValues,
  updateCredential,
  type HeldCredential,
} from './stored-credentials.ts';

/** What is to be done about one credential. What is said of it never tells a value. */
export interface PlannedCredential {
  readonly change: Change;
  readonly document: CredentialDocument;
  readonly held: HeldCredential | undefined;
}

/**
 * What must be done to have the credentials of these documents, while nobody else changes any. @throws ApiError 400 for a
 * pipeline that names one that does not exist, or is of a type that it cannot use
 */
export async function planCredentials(
  client: SqlClient,
  { organisationId, sealing }: { organisationId: string; sealing: Sealing },
  documents: readonly ApplyDocument[],
): Promise<PlannedCredential[]> {
  const stored = await holdCredentials(client, organisationId);
  const planned = documents.flatMap((document, index) => {
    if (document.kind !== 'credential') return [];
    const held = stored.find(({ name }) => name === document.name);
    if (held !== undefined && held.type !== document.type) throw otherType(held, index);
    return [{ document, held }];
  });
  const types = new Map(
    [...stored, ...planned.map(({ document }) => document)].map((each) => [each.name, each.type]),
  );
  refuseUnusable(types, documents);
  return planned.map(({ document, held }) => ({ document, held, change: changeOf(sealing, document, held) }));
}

/** Creates or changes a credential. */
export async function applyCredential(
  client: SqlClient,
  { organisationId, sealing }: { organisationId: string; sealing: Sealing },
  { change, document, held }: PlannedCredential,
): Promise<void> {
  if (change.action === 'unchanged') return;
  const { name, type, values, description = null } = document;
  if (held === undefined)
    await insertCredential(client, sealing, { organisationId, name, type, description, values });
  else await updateCredential(client, sealing, { id: held.id, type, description, values });
}

function changeOf(sealing: Sealing, document: CredentialDocument, held: HeldCredential | undefined): Change {
  const { kind, name } = document;
  if (held === undefined) return { kind, name, action: 'created', version: null, differences: [] };
  const differences: Change['differences'] = [];
  const [before, after] = [held.description ?? '', document.description ?? ''];
  if (before !== after)
    differences.push({ change: 'changed', path: '/description', from: before, to: after });
  for (const key of changedKeys(sealing, document.values, held))
    differences.push({ change: 'changed', path: `/values/${key}` });
  const action = differences.length === 0 ? 'unchanged' : 'updated';
  return { kind, name, action, version: null, differences };
}

/** Pipelines that name it could use it no more. */
function otherType({ name, type }: HeldCredential, index: number) {
  const message = `The credential "${name}" is of type ${type}, which stays: give another one another name`;
  return validationError([{ path: ['documents', index, 'type'], message }]);
}

/** Values that cannot be opened any more are other ones than those that are given now. */
function changedKeys(sealing: Sealing, values: Record<string, string>, held: HeldCredential): string[] {
  let stored: Record<string, string> = {};
  try {
    stored = openedValues(sealing, held);
  } catch (error) {
    if (!(error instanceof SealingError)) throw error;
    return Object.keys(values);
  }
  const keys = new Set([...Object.keys(stored), ...Object.keys(values)]);
  return [...keys].filter((key) => stored[key] !== values[key]).sort();
}

/** Which types of credential each kind of source and destination can use. */
const USABLE: Readonly<Record<string, readonly string[]>> = {
  s3: ['s3'],
  postgresql: ['postgresql'],
  https: ['bearer', 'basic'],
  webhook: ['bearer', 'basic', 'webhook'],
};

function refuseUnusable(types: ReadonlyMap<string, string>, documents: readonly ApplyDocument[]): void {
  const issues = documents.flatMap((document, index) => {
    if (document.kind !== 'pipeline') return [];
    return (['source', 'destination'] as const).flatMap((side) =>
      Object.entries(document[side]).flatMap(([kind, end]: [string, unknown]) => {
        const { credential } = (typeof end === 'object' ? end : {}) as { credential?: string };
        const message =
          credential === undefined ? undefined : complaint(kind, credential, types.get(credential));
        return message === undefined
          ? []
          : [{ path: ['documents', index, side, kind, 'credential'], message }];
      }),
    );
  });
  if (issues.length > 0) throw validationError(issues);
}

function complaint(kind: string, name: string, type: string | undefined): string | undefined {
  if (type === undefined) return `There is no credential "${name}"`;
  const usable = USABLE[kind] ?? [];
  return usable.includes(type)
    ? undefined
    : `The credential "${name}" is of type ${type}; ${usable.join(' or ')} is needed`;
}

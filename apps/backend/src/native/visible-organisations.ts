import { apiError, type ApiError } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import type { Database } from '../store/database.ts';

export interface OrganisationName {
  readonly id: string;
  readonly name: string;
}

/** What `organisation` means where nobody names one, and no key belongs to one. */
const DEFAULT_ORGANISATION = 'default';

/**
 * The organisations that a list may show: the key's own, all for an admin key, of these the one that was asked for.
 *
 * @throws ApiError 404 when that one does not exist or is not the key's: nobody learns which.
 */
export async function visibleOrganisations(
  database: Database,
  caller: Caller,
  asked: string | undefined,
): Promise<OrganisationName[]> {
  const rows = await database.query<OrganisationName & Record<string, unknown>>(
    `select id, name from organisations
      where ($1::uuid is null or id = $1) and ($2::text is null or name = $2) order by name`,
    [ownOrganisation(caller), asked ?? null],
  );
  if (rows.length === 0 && asked !== undefined) throw unknownOrganisation(asked);
  return rows;
}

/**
 * The organisation of one thing: the one asked for, else the key's own, else `default`.
 *
 * @throws ApiError 404 when it does not exist or is not the key's.
 */
export async function oneOrganisation(
  database: Database,
  caller: Caller,
  asked: string | undefined,
): Promise<OrganisationName> {
  const name = asked ?? (ownOrganisation(caller) === null ? DEFAULT_ORGANISATION : undefined);
  const [organisation] = await visibleOrganisations(database, caller, name);
  if (organisation === undefined) throw unknownOrganisation(name ?? '');
  return organisation;
}

/** True when the caller may look into that organisation. */
export function maySee(caller: Caller, organisationId: string): boolean {
  const own = ownOrganisation(caller);
  return own === null || own === organisationId;
}

/** The organisation to which a key is confined; null: an admin key, which is not. */
export function ownOrganisation(caller: Caller): string | null {
  if (caller.kind !== 'key') throw apiError('permission_denied', 'This route needs an API key');
  if (caller.key.kind === 'admin') return null;
  if (caller.key.organisationId === null)
    throw apiError('permission_denied', 'This key belongs to no organisation');
  return caller.key.organisationId;
}

function unknownOrganisation(name: string): ApiError {
  return apiError('not_found', `There is no organisation "${name}"`, 'organisation');
}

import { apiError, type ApiError, type WorkflowDefinition } from '@longshore/contracts';
import { timingSafeEqual } from 'node:crypto';
import type { KeyUse } from '../keys/key-use.ts';
import { hashOfKey } from '../keys/keys.ts';
import type { Database } from '../store/database.ts';

/** A deployment that a client may use, with the workflow version that new executions get. */
export interface Deployment {
  readonly id: string;
  readonly organisationId: string;
  readonly organisation: string;
  readonly apiName: string;
  readonly workflowId: string;
  readonly workflowVersionId: string;
  /** Own setting, else the organisation's; null: the backend's default. */
  readonly maxParallelFiles: number | null;
  /** An execution that has not ended after so many seconds ends in ERROR; null: never. */
  readonly maxSeconds: number | null;
}

/** A deployment takes files with each request; a pipeline has a source of its own. */
export type DeploymentKind = 'api' | 'pipeline';

export interface Deployments {
  /**
   * The deployment behind a public address, for the presented key. `kind`: default `api`.
   * @throws ApiError 404 for an unknown or inactive deployment, 401 for a key that does not open it: in this order.
   */
  open(organisation: string, apiName: string, secret: string, kind?: DeploymentKind): Promise<Deployment>;
  /** @throws ApiError 404 when the version is unknown or not the organisation's. */
  workflowVersion(id: string, organisationId: string): Promise<WorkflowDefinition>;
}

const openDeployment = {
  name: 'open_deployment',
  text: `
select d.id, d.organisation_id as "organisationId", o.name as organisation, d.api_name as "apiName",
       d.workflow_id as "workflowId", v.id as "workflowVersionId",
       coalesce((d.settings ->> 'max_parallel_files')::int, o.max_parallel_files) as "maxParallelFiles",
       (d.settings ->> 'max_seconds')::int as "maxSeconds", k.hash as key_hash, k.id as key_id
  from organisations o
  join deployments d on d.organisation_id = o.id and d.api_name = $2 and d.active and d.kind = $4
  cross join lateral (
    select id from workflow_versions where workflow_id = d.workflow_id and version = coalesce(d.version, version)
     order by version desc limit 1) v
  left join lateral (
    select id, hash from api_keys k
     where k.hash = $3 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
       and k.organisation_id = o.id
       and (k.kind = 'organisation' or (k.kind = 'deployment' and k.deployment_id = d.id))) k on true
 where o.name = $1`,
};

export function createDeployments(database: Database, keyUse: Pick<KeyUse, 'note'>): Deployments {
  return {
    async open(organisation, apiName, secret, kind = 'api') {
      // The database knows no NUL character, so nothing has such a name.
      if (`${organisation}${apiName}`.includes('\0')) throw unknownDeployment();
      const hash = hashOfKey(secret);
      const [row] = await database.hot<Deployment & { key_hash: Buffer | null; key_id: string | null }>(
        openDeployment,
        [organisation, apiName, hash, kind],
      );
      if (row === undefined) throw unknownDeployment();
      const { key_hash, key_id, ...deployment } = row;
      if (key_hash === null || key_id === null || !timingSafeEqual(key_hash, hash))
        throw apiError('authentication_failed', 'Unauthorized');
      keyUse.note(key_id);
      return deployment;
    },
    async workflowVersion(id, organisationId) {
      const [row] = await database.query<{ definition: WorkflowDefinition }>(
        `select v.definition from workflow_versions v join workflows w on w.id = v.workflow_id
          where v.id = $1 and w.organisation_id = $2`,
        [id, organisationId],
      );
      if (row === undefined) throw apiError('not_found', 'No such workflow version');
      return row.definition;
    },
  };
}

function unknownDeployment(): ApiError {
  return apiError('not_found', 'API not found');
}

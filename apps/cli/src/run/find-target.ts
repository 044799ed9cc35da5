import type { ApplyDocument, DeploymentDocument, WorkflowDocument } from '@longshore/contracts';
import { type ApplyFile, readApplyFile } from '../apply/read-apply-file.ts';
import { usageError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { applyFiles } from '../commands/apply.ts';
import type { Target } from './run-one-file.ts';

/** A target, and what was made or changed for it, for people. */
export interface FoundTarget {
  readonly target: Target;
  readonly changes: readonly string[];
}

/** The deployment that `org/name` means, or `name` in that organisation. @throws CliError */
export function namedTarget(spelled: string, organisation: string): FoundTarget {
  const match = /^(?:([^/]+)\/)?([^/]+)$/.exec(spelled);
  if (match === null) throw usageError(`"${spelled}" is no deployment: write it as organisation/name.`);
  const target = { organisation: match[1] ?? organisation, apiName: match[2]!, version: spelled };
  return { target, changes: [] };
}

/**
 * The deployment of the workflow of a file, made or changed where that is needed: that of the file, else `run-<workflow>`.
 * @throws CliError for a file that holds another number of workflows than one, or something that is of no use here
 */
export async function targetOf(
  fileName: string,
  { client, organisation }: { client: PlatformClient; organisation: string },
): Promise<FoundTarget> {
  const file = await readApplyFile(fileName);
  const { documents, apiName } = withDeployment(file);
  const { changes } = await applyFiles([{ ...file, documents }], { client, organisation });
  const workflow = changes.find(({ kind }) => kind === 'workflow');
  const version = `${organisation}/${apiName} ${workflow?.name} ${workflow?.version}`;
  return {
    target: { organisation, apiName, version },
    changes: changes
      .filter(({ action }) => action !== 'unchanged')
      .map(
        ({ kind, name, action, version: its }) =>
          `${kind} ${name} ${action}${its === null ? '' : ` (version ${its})`}`,
      ),
  };
}

function withDeployment({ name, documents }: ApplyFile): { documents: ApplyDocument[]; apiName: string } {
  const others = documents.filter(({ kind }) => kind !== 'workflow' && kind !== 'deployment');
  if (others.length > 0)
    throw usageError(
      `${name} holds a ${others[0]!.kind}: apply it with "longshore apply", and name the deployment with --deployment.`,
    );
  const workflows = documents.filter(
    (document): document is WorkflowDocument => document.kind === 'workflow',
  );
  if (workflows.length !== 1)
    throw usageError(
      `${name} holds ${workflows.length} workflows: one is needed to know what to do with the files.`,
    );
  const workflow = workflows[0]!;
  const deployments = documents.filter(
    (document): document is DeploymentDocument => document.kind === 'deployment',
  );
  if (deployments.length > 1)
    throw usageError(
      `${name} holds ${deployments.length} deployments: say which with --deployment after "longshore apply".`,
    );
  if (deployments[0] !== undefined) return { documents: [...documents], apiName: deployments[0].api_name };
  const apiName = `run-${workflow.name}`.slice(0, 64);
  return {
    documents: [...documents, { kind: 'deployment', api_name: apiName, workflow: workflow.name }],
    apiName,
  };
}

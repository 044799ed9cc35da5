import { exportResponseSchema } from '../native-api.ts';
import { nameParams } from '../paging.ts';
import * as workflows from '../workflows-api.ts';
import { route } from './route.ts';

/** Workflows with their versions, and the deployments under which they take files. Both are made by `apply`. */
export const workflowRoutes = {
  listWorkflows: route({
    method: 'get',
    path: '/api/v1/workflows',
    area: 'public',
    auth: 'organisation',
    query: workflows.listWorkflowsQuerySchema,
    response: workflows.workflowListSchema,
    documentation: { summary: 'List workflows', description: 'By organisation and name.' },
  }),
  getWorkflow: route({
    method: 'get',
    path: '/api/v1/workflows/:name',
    area: 'public',
    auth: 'organisation',
    params: nameParams,
    query: workflows.workflowQuerySchema,
    response: workflows.workflowSchema,
    documentation: { summary: 'Read one workflow' },
  }),
  listWorkflowVersions: route({
    method: 'get',
    path: '/api/v1/workflows/:name/versions',
    area: 'public',
    auth: 'organisation',
    params: nameParams,
    query: workflows.workflowVersionsQuerySchema,
    response: workflows.workflowVersionListSchema,
    documentation: { summary: 'List the versions of a workflow', description: 'Newest first.' },
  }),
  getWorkflowVersion: route({
    method: 'get',
    path: '/api/v1/workflows/:name/versions/:version',
    area: 'public',
    auth: 'organisation',
    params: workflows.workflowVersionParams,
    query: workflows.workflowQuerySchema,
    response: workflows.workflowVersionDetailSchema,
    documentation: { summary: 'Read one version of a workflow', description: 'With its definition.' },
  }),
  diffWorkflow: route({
    method: 'get',
    path: '/api/v1/workflows/:name/diff',
    area: 'public',
    auth: 'organisation',
    params: nameParams,
    query: workflows.workflowDiffQuerySchema,
    response: workflows.workflowDiffSchema,
    documentation: {
      summary: 'Compare two versions of a workflow',
      description: 'What must be done to the definition of `from` to make it that of `to`.',
    },
  }),
  exportWorkflows: route({
    method: 'get',
    path: '/api/v1/export',
    area: 'public',
    auth: 'organisation',
    query: workflows.workflowQuerySchema,
    response: exportResponseSchema,
    documentation: {
      summary: 'Export all workflows and deployments of an organisation',
      description:
        'The latest version of each workflow, as documents that `apply` accepts and finds unchanged.',
      tag: 'workflows',
    },
  }),
  listDeployments: route({
    method: 'get',
    path: '/api/v1/deployments',
    area: 'public',
    auth: 'organisation',
    query: workflows.listWorkflowsQuerySchema,
    response: workflows.deploymentListSchema,
    documentation: { summary: 'List deployments', description: 'By organisation and name.' },
  }),
  getDeployment: route({
    method: 'get',
    path: '/api/v1/deployments/:api_name',
    area: 'public',
    auth: 'organisation',
    params: workflows.deploymentParams,
    query: workflows.workflowQuerySchema,
    response: workflows.deploymentSchema,
    documentation: { summary: 'Read one deployment' },
  }),
  updateDeployment: route({
    method: 'patch',
    path: '/api/v1/deployments/:api_name',
    area: 'public',
    auth: 'organisation',
    audit: 'deployment.update',
    params: workflows.deploymentParams,
    query: workflows.workflowQuerySchema,
    body: workflows.updateDeploymentRequestSchema,
    response: workflows.deploymentSchema,
    documentation: {
      summary: 'Switch a deployment on or off, or change its settings',
      description: 'What is not named stays as it is; settings are replaced as a whole.',
      examples: { body: { active: false } },
    },
  }),
};

import { connectionVariables } from './connection-variables.ts';
import { intakeVariables } from './intake-variables.ts';
import { limitVariables } from './limit-variables.ts';
import { pipelineVariables } from './pipeline-variables.ts';
import { processVariables } from './process-variables.ts';
import { recognitionVariables } from './recognition-variables.ts';
import { retentionVariables } from './retention-variables.ts';
import { securityVariables } from './security-variables.ts';
import { tracingVariables } from './tracing-variables.ts';
import { webhookVariables } from './webhook-variables.ts';
import { workerVariables } from './worker-variables.ts';

/** Every environment variable of every process. `docs/configuration.md` and `sample.env` are written from it. */
export const variables = {
  ...connectionVariables,
  ...processVariables,
  ...workerVariables,
  ...limitVariables,
  ...intakeVariables,
  ...pipelineVariables,
  ...recognitionVariables,
  ...retentionVariables,
  ...securityVariables,
  ...webhookVariables,
  ...tracingVariables,
} as const;

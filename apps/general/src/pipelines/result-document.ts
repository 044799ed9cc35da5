import type { PipelineFile, PipelineResult } from '@longshore/contracts';

/** Where a result comes from. */
export interface ResultOrigin {
  readonly pipelineId: string;
  readonly executionId: string;
}

/** What is written of one file. The same for each attempt: what is written twice is written alike. */
export function resultDocument(
  { pipelineId, executionId }: ResultOrigin,
  { path, size, sha256 }: PipelineFile,
  { output, problems, document }: PipelineResult,
): string {
  const content = {
    ...{ file: path, size, sha256, pipeline_id: pipelineId, execution_id: executionId },
    ...{ output, problems, document },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

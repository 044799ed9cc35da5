import { describe, expect, it } from '@jest/globals';
import { workerRoutes } from './routes/worker.ts';
import { CONTRACT_VERSION, isServedContractVersion } from './version.ts';

describe('the contract between workers and backend', () => {
  // Another route here that workers of this release call: raise the version, unless it has risen since the last release.
  it('has a version that says which routes workers may count on', () => {
    const asked = Object.entries(workerRoutes)
      .filter(([, { auth }]) => auth === 'service' || auth === 'run_token')
      .map(([name]) => name);
    expect({ version: CONTRACT_VERSION, asked: asked.toSorted() }).toMatchInlineSnapshot(`
     {
       "asked": [
         "childOutput",
         "childResults",
         "claim",
         "endSession",
         "fileContent",
         "heartbeat",
         "internalHealth",
         "knownPipelineFiles",
         "listedPipelineFiles",
         "logLines",
         "pipelineFiles",
         "pipelineResult",
         "progress",
         "registerSession",
         "report",
         "runCredential",
         "settlePipelineFiles",
         "storeOutput",
         "takePipelineFile",
         "webhookCall",
         "workflowVersion",
       ],
       "version": 2,
     }
    `);
  });

  it('is served as it is and as it was in the release before', () => {
    const versions = [-2, -1, 0, 1].map((difference) => CONTRACT_VERSION + difference);
    expect(versions.filter(isServedContractVersion)).toEqual([CONTRACT_VERSION - 1, CONTRACT_VERSION]);
  });
});

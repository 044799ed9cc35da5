import type { WaitingRuns } from '../dispatch/waiting-runs.ts';
import type { Accept, NewExecution } from './accept.ts';

/**
 * Accepts while the line of waiting runs has room; what is refused leaves nothing.
 *
 * @throws ApiError 503 with Retry-After when it has none.
 */
export function acceptWhileRoom(accept: Accept, waiting: WaitingRuns): Accept {
  return async (execution) => {
    const settle = await admitOrDiscard(execution, waiting);
    let written = false;
    try {
      const acceptance = await accept(execution);
      written = !acceptance.repeated;
      return acceptance;
    } finally {
      settle(written);
    }
  };
}

async function admitOrDiscard({ upload }: NewExecution, waiting: WaitingRuns) {
  try {
    return await waiting.admit();
  } catch (error) {
    await upload.object?.discard();
    throw error;
  }
}

import type { Database, Statement } from '../store/database.ts';
import type { RunTokenClaims } from './run-tokens.ts';

const isRunning: Statement = {
  name: 'attempt_is_running',
  text: `select 1 from runs where id = $1::uuid and epoch = $2::int and state = 'running'`,
};

/**
 * Whether the attempt that a token was given to still has its run. A token is genuine until it expires; what it opens
 * ends with the attempt, so that whoever lost the run, or kept the token, reads nothing more with it.
 */
export function createLiveAttempts(database: Database) {
  return async function isLive({ runId, epoch }: RunTokenClaims): Promise<boolean> {
    return (await database.hot(isRunning, [runId, epoch])).length > 0;
  };
}

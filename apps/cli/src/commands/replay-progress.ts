import { type Replay, routes } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { createPatientClient } from '../client/until-answered.ts';
import type { Terminal } from '../output/terminal.ts';
import type { Replayable } from './replay-filter.ts';

export interface ReplayContext {
  readonly client: PlatformClient;
  readonly flags: { readonly detach?: true; readonly json?: true };
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
}

const LOOK_EVERY_MS = 1_000;

/** Follows a replay that has begun, unless nobody waits, and tells its end. @throws CliError when something of it was refused */
export async function concludeReplay(begun: Replay, context: ReplayContext): Promise<void> {
  const { client, flags, terminal } = context;
  const last = flags.detach ? begun : await untilOver(begun, context);
  terminal.out(flags.json ? JSON.stringify(last) : describeReplay(last));
  if (last.executions.refused > 0) await tellRefused({ client, terminal }, last.replay_id);
}

async function untilOver(begun: Replay, { client, terminal, clock }: ReplayContext): Promise<Replay> {
  const advice = `replay ${begun.replay_id} goes on at the platform`;
  const patient = createPatientClient(client, { clock, tell: terminal.err, advice, isAccepted: true });
  const params = { id: begun.replay_id };
  for (let replay = begun; ; replay = await patient.call(routes.replay, { params })) {
    if (replay.state !== 'running') return replay;
    terminal.status(describeReplay(replay));
    await clock.sleep(LOOK_EVERY_MS);
  }
}

async function tellRefused({ client, terminal }: Pick<ReplayContext, 'client' | 'terminal'>, id: string) {
  const { refused, executions } = await client.call(routes.replay, { params: { id } });
  for (const { execution_id, error } of refused) terminal.err(`  ${execution_id}: ${error}`);
  throw new CliError(`${executions.refused} of ${executions.total} could not be replayed.`);
}

/** Begins nothing more of it, and tells how far it came. */
export async function cancelReplay(
  { client, flags, terminal }: Omit<ReplayContext, 'clock'>,
  id: string,
): Promise<void> {
  const replay = await client.call(routes.cancelReplay, { params: { id } });
  terminal.out(flags.json ? JSON.stringify(replay) : describeReplay(replay));
}

/** A replay in one line. */
function describeReplay({ replay_id: id, state, executions }: Replay): string {
  const { total, replayed, refused, waiting } = executions;
  const left = waiting === 0 ? '' : `, ${waiting} not begun`;
  return `Replay ${id} ${state}: ${replayed} of ${total} begun, ${refused} refused${left}.`;
}

/** Says how many would be run again. */
export function tellMatched(
  matched: number,
  { what, flags, terminal }: { what: Replayable; flags: { readonly json?: true }; terminal: Terminal },
): void {
  const words = `${counted(matched, what)} would be replayed.`;
  terminal.out(flags.json ? JSON.stringify({ matched, replay: null }) : words);
}

const counted = (count: number, what: Replayable): string => `${count} ${what}${count === 1 ? '' : 's'}`;

import { routes } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { explainError } from '../output/explain-error.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { jsonObjectGiven } from './json-option.ts';
import { replayId, several, taskId } from './id-argument.ts';
import { replayEach } from './replay-each.ts';
import { PER_MINUTE, REPLAYED_AT_MOST, type ReplayFilterFlags, replayFilterOf } from './replay-filter.ts';
import { cancelReplay, concludeReplay, tellMatched } from './replay-progress.ts';

interface ReplayTasksFlags extends ConnectionFlags, Omit<ReplayFilterFlags, 'apiName'> {
  parameters?: string;
  detach?: true;
  cancel?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore tasks replay <task id> <task id>
  longshore tasks replay --task charge_customer --since 1h --dry-run      how many would that be?
  longshore tasks replay --cause 3f2a9c0b1d4e5f60 --per-minute 120
  longshore tasks replay --task send_letter --all --parameters '{"printer": "second"}'
  longshore tasks replay --cancel <replay id>`;

/** Adds `longshore tasks replay`. */
export function addReplayTasks(tasks: Command, terminal: Terminal): void {
  const command = tasks
    .command('replay')
    .summary('run failed tasks again, by name, by cause, or all')
    .description(
      'Submits new tasks like those that are named, however they ended, or like all that failed, that the filter finds, and that were not ' +
        'run again before: so many a minute.',
    )
    .argument('[task_id...]', 'tasks to run again', several(taskId))
    .option('--parameters <json>', 'JSON object, or a file with one, instead of the parameters they had')
    .option('--task <name>', 'only of this type')
    .option('--cause <cause>', 'only with a failure of this cause: see "longshore failures"')
    .option('--since <moment>', 'failed from then on: 2h (two hours ago), 2026-05-01, 2026-05-01T12:00:00Z')
    .option('--until <moment>', 'failed before then')
    .option('--all', 'all that failed')
    .option('--limit <number>', 'at most this many, those that failed last', REPLAYED_AT_MOST, 1000)
    .option('--per-minute <number>', 'submit so many a minute', PER_MINUTE, 60)
    .option('--dry-run', 'say how many there are, and submit nothing')
    .option('--detach', 'begin, and do not wait')
    .option('--cancel <replay_id>', 'submit nothing more of a replay that goes on', replayId)
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', "print the platform's answers as JSON")
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command).action(async (ids: string[], flags: ReplayTasksFlags) => {
    const context = { client: connectForOrganisation(flags), flags, terminal, clock: systemClock };
    if (flags.cancel !== undefined) return await cancelReplay(context, flags.cancel);
    if (ids.length > 0) return await replayNamed(context, ids);
    await replayMany(context);
  });
}

interface Context {
  readonly client: PlatformClient;
  readonly flags: ReplayTasksFlags;
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
}

async function replayNamed({ client, flags, terminal }: Context, ids: readonly string[]): Promise<void> {
  const body = { ...parametersOf(flags), delay: null };
  await replayEach(ids, {
    ...{ what: 'task', flags, terminal },
    replay: async (id) => {
      const made = await client.call(routes.retryTask, { params: { id }, body });
      return { begun: made.task_id, answer: made };
    },
    refusal: (id, error) => ({ answer: { task_id: null, retry_of: id }, error: explainError(error) }),
  });
}

async function replayMany({ client, flags, terminal, clock }: Context): Promise<void> {
  const body = { ...parametersOf(flags), ...replayFilterOf(flags, 'task') };
  const { matched, replay } = await client.call(routes.replayTasks, { body });
  if (replay === null) return tellMatched(matched, { what: 'task', flags, terminal });
  await concludeReplay(replay, { client, flags, terminal, clock });
}

function parametersOf({ parameters }: ReplayTasksFlags) {
  if (parameters === undefined) return {};
  const given = jsonObjectGiven(parameters);
  if (given === null) throw usageError('--parameters takes a JSON object, not null.');
  return { parameters: given };
}

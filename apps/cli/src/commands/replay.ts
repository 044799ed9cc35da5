import { ApiError, routes } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { explainError } from '../output/explain-error.ts';
import { executionId, replayId, several } from './id-argument.ts';
import type { Terminal } from '../output/terminal.ts';
import { addFailureFilter, connectForOrganisation } from './failure-filter.ts';
import { jsonObjectGiven } from './json-option.ts';
import { replayEach } from './replay-each.ts';
import { PER_MINUTE, REPLAYED_AT_MOST, type ReplayFilterFlags, replayFilterOf } from './replay-filter.ts';
import { cancelReplay, concludeReplay, tellMatched } from './replay-progress.ts';

interface ReplayFlags extends ConnectionFlags, ReplayFilterFlags {
  onlyFailed?: true;
  customData?: string;
  detach?: true;
  cancel?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore replay <execution id> <execution id>
  longshore replay <execution id> --only-failed --custom-data better.json
  longshore replay --cause 3f2a9c0b1d4e5f60 --since 2h --dry-run     how many would that be?
  longshore replay --all --since 2026-05-01 --per-minute 120
  longshore replay --cancel <replay id>`;

/** Adds `longshore replay`. */
export function addReplay(program: Command, terminal: Terminal): void {
  const command = program
    .command('replay')
    .summary('run executions again')
    .description(
      'Makes new executions of the same files, under the workflow as it is now: of the executions that are named, or of all ' +
        'with a failure that the filter finds and that were not replayed before. Possible while their files are kept.',
    )
    .argument('[execution_id...]', 'executions to run again', several(executionId))
    .option('--only-failed', 'run only files without a result, take over the other results')
    .option(
      '--custom-data <json>',
      'JSON object, or a file with one, to hand to the workflow instead of the first one',
    )
    .option('--cause <cause>', 'executions with a failure of this cause: see "longshore failures"')
    .option('--all', 'executions with any failure')
    .option('--limit <number>', 'at most this many, those that failed last', REPLAYED_AT_MOST, 1000)
    .option('--per-minute <number>', 'begin so many a minute', PER_MINUTE, 60)
    .option('--dry-run', 'say how many there are, and begin nothing')
    .option('--detach', 'begin, and do not wait')
    .option('--cancel <replay_id>', 'begin nothing more of a replay that goes on', replayId)
    .option('--json', "print the backend's answers as JSON")
    .addHelpText('after', EXAMPLES);
  addFailureFilter(command).action(async (ids: string[], flags: ReplayFlags) => {
    const client = connectForOrganisation(flags);
    const context = { client, flags, terminal, clock: systemClock };
    if (flags.cancel !== undefined) return await cancelReplay(context, flags.cancel);
    if (ids.length > 0) return await replayNamed(context, ids);
    await replayMany(context);
  });
}

interface Context {
  readonly client: PlatformClient;
  readonly flags: ReplayFlags;
  readonly terminal: Terminal;
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
}

async function replayNamed({ client, flags, terminal }: Context, ids: readonly string[]): Promise<void> {
  const body = howOf(flags);
  await replayEach(ids, {
    ...{ what: 'execution', flags, terminal },
    replay: async (id) => {
      const made = await client.call(routes.replayExecution, { params: { id }, body });
      return { begun: made.execution_id, answer: made };
    },
    refusal: async (id, error) => {
      const isTask = error.status === 404 && (await isTaskOf(client, id));
      const reason = isTask ? `this is a task: longshore tasks replay ${id}` : explainError(error);
      return { answer: { execution_id: null, replay_of: id }, error: reason };
    },
  });
}

async function isTaskOf(client: PlatformClient, id: string): Promise<boolean> {
  try {
    await client.call(routes.taskStatus, { params: { id } });
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

async function replayMany(context: Context): Promise<void> {
  const { client, flags, terminal, clock } = context;
  const body = { ...howOf(flags), ...replayFilterOf(flags, 'execution') };
  const { matched, replay } = await client.call(routes.replayMany, { body });
  if (matched === 0) return await tellNoneFound(context, body);
  if (replay === null) return tellMatched(matched, { what: 'execution', flags, terminal });
  await concludeReplay(replay, { client, flags, terminal, clock });
}

type Filter = ReturnType<typeof howOf> & ReturnType<typeof replayFilterOf>;

/** A filter that finds no execution may mean tasks, which another command replays. @throws CliError then */
async function tellNoneFound(
  { client, flags, terminal }: Context,
  { only_failed: _only, custom_data: _data, ...filter }: Filter,
): Promise<void> {
  tellMatched(0, { what: 'execution', flags, terminal });
  // Tasks belong to no deployment.
  if (flags.apiName !== undefined) return;
  const { matched } = await client.call(routes.replayTasks, { body: { ...filter, dry_run: true } });
  if (matched === 0) return;
  const what = matched === 1 ? 'is one task' : `are ${matched} tasks`;
  throw new CliError(`What the filter finds ${what}: "longshore tasks replay" with it runs them again.`);
}

function howOf({ onlyFailed, customData }: ReplayFlags) {
  return {
    only_failed: onlyFailed === true,
    ...(customData === undefined ? {} : { custom_data: jsonObjectGiven(customData) }),
  };
}

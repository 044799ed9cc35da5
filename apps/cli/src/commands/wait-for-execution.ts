import type { ExecuteResponse } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import {
  type AcceptedBy,
  createExecutionReader,
  isOfAnotherKind,
  type ReadExecution,
  type Standing,
} from '../client/read-execution.ts';
import { untilEnded } from '../client/submit.ts';
import { createPatientClient } from '../client/until-answered.ts';
import { createProgress } from '../output/execution-progress.ts';
import { resultLines } from '../output/result-table.ts';
import type { Terminal } from '../output/terminal.ts';
import { type Accepted, tellAccepted, whileItGoesOn } from './accepted.ts';
import { createLogReader, follow, lineFor } from './logs.ts';

interface WaitContext {
  readonly client: PlatformClient;
  readonly acceptedBy: AcceptedBy;
  readonly flags: { json?: true; follow?: true; includeExtractedText?: true };
  readonly terminal: Terminal;
  readonly clock?: Pick<Clock, 'monotonic' | 'sleep'>;
}

interface Waiting extends Required<Omit<WaitContext, 'acceptedBy'>> {
  readonly read: ReadExecution;
}

type Answer = ExecuteResponse['message'];

/**
 * Shows how an execution goes on that was just accepted, and what it found. A platform that starts anew meanwhile is waited for.
 * @throws CliError unless it is COMPLETED and no file failed; one that says that it goes on when it cannot be asked any more
 */
export async function waitFor(answer: Answer, context: WaitContext): Promise<void> {
  const { flags, terminal, acceptedBy, clock = systemClock } = context;
  const accepted: Accepted = { kind: 'execution', id: answer.execution_id };
  tellAccepted(accepted, flags, terminal);
  const client = createPatientClient(context.client, { clock, tell: terminal.err });
  const read = createExecutionReader(client, acceptedBy);
  const ended = await whileItGoesOn(accepted, () => endOf(answer, { client, read, clock, flags, terminal }));
  const lines = flags.json
    ? [JSON.stringify(ended)]
    : resultLines({ ...ended, skipped: ended.skipped ?? null }, terminal);
  lines.forEach(terminal.out);
  concludeExecution(ended, flags);
}

async function endOf(answer: Answer, context: Waiting): Promise<Standing> {
  const { flags, read, terminal, clock } = context;
  const id = answer.execution_id;
  if (flags.follow) await tellLogs(id, context);
  const tellProgress = createProgress(terminal);
  const ended = await untilEnded(() => read(id, { withText: flags.includeExtractedText }), {
    clock,
    onProgress: ({ files, total_files: total = 0 }) => files && tellProgress({ files, total_files: total }),
  });
  // Sent again under its key it is answered with what was found, which the deployment hands out no second time.
  return ended.result === null && answer.result !== null ? { ...ended, ...resultOf(answer) } : ended;
}

function resultOf({ result, error }: Answer): Pick<Standing, 'result' | 'error'> {
  return { result, error };
}

/** On standard error: the result alone goes to standard output. */
async function tellLogs(id: string, { client, terminal, clock }: Waiting): Promise<void> {
  const reader = createLogReader(client, id, {});
  try {
    await follow(reader, (lines) => lines.forEach((line) => terminal.err(lineFor(line))), clock);
  } catch (error) {
    if (!isOfAnotherKind(error)) throw error;
    terminal.err("A deployment's key does not open what runs say: this waits for the result alone.");
  }
}

/** @throws CliError unless the execution is COMPLETED, its result is there, and no file failed */
export function concludeExecution(
  { execution_id: id, status, error, result }: Standing,
  { json }: { json?: true },
): void {
  if (status !== 'COMPLETED') {
    const reason = json ? `: ${error ?? 'no reason given'}` : ', as told above.';
    throw new CliError(`Execution ${id} ended as ${status}${reason}`);
  }
  if (result === null && error !== null)
    throw new CliError(`Execution ${id} is COMPLETED, but there is no result to show: ${error}.`);
  const all = result ?? [];
  const failed = all.filter((one) => one.status === 'Failed').length;
  if (failed > 0)
    throw new CliError(`${failed} of ${all.length} files of execution ${id} failed: their results say why.`);
}

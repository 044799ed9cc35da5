import { TaskError } from '../definition/task-error.ts';
import type { Command } from './command-definition.ts';
import { MAX_RESULT_BYTES, RESULT_FD } from './program-output.ts';
import type { ProgramEnd } from './run-program.ts';

const MIB = 1024 * 1024;
/** Of its last words, in the message; the detail has more of them. */
const SHOWN_LINES = 3;

type Rules = Pick<Command, 'command' | 'resultOn' | 'result' | 'doNotRetryExitCodes'>;

/** The output of a run whose program ended like this. @throws {TaskError} that says why there is none */
export function commandResult(end: ProgramEnd, rules: Rules): unknown {
  const { exitCode, result, lastWords } = end;
  const [program] = rules.command;
  const where = rules.resultOn === 'fd3' ? `file descriptor ${RESULT_FD}` : 'its standard output';
  const fails = (code: string, message: string): TaskError => {
    const error = new TaskError(code, message, { retryable: false });
    // Where this error was made says nothing; what the program said may.
    error.stack = lastWords;
    return error;
  };
  if (result === undefined)
    throw fails(
      'result_too_large',
      `${program} wrote a result of more than ${MAX_RESULT_BYTES / MIB} MiB to ${where}`,
    );
  if (exitCode !== 0) throw failed(end, rules);
  if (result.length === 0 && rules.result === 'optional') return null;
  if (result.length === 0) throw fails('no_result', `${program} ended well, but wrote no result to ${where}`);
  const parsed = parse(result);
  if ('problem' in parsed)
    throw fails('bad_result', `What ${program} wrote to ${where} is no JSON: ${parsed.problem}`);
  return parsed.value;
}

function failed(
  { exitCode, signal, result, lastWords }: ProgramEnd,
  { command, doNotRetryExitCodes }: Rules,
) {
  const how = exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
  const words = lastWords.split('\n').slice(-SHOWN_LINES).join('\n');
  const message = `${command[0]} ${how}${words === '' ? '' : `: ${words}`}`;
  const partial = result === undefined || result.length === 0 ? undefined : parse(result);
  const error = new TaskError('command_failed', message, {
    retryable: exitCode === null || !doNotRetryExitCodes.includes(exitCode),
    ...(partial !== undefined && 'value' in partial && { output: partial.value }),
  });
  error.stack = lastWords;
  return error;
}

function parse(bytes: Uint8Array): { value: unknown } | { problem: string } {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown };
  } catch (error) {
    return { problem: error instanceof SyntaxError ? error.message : 'it is not UTF-8' };
  }
}

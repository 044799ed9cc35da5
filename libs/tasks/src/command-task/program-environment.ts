import { FAMILY_MARK } from '../isolation/process-family.ts';
import type { RunFacts } from '../definition/task-context.ts';
import type { ScratchFolder } from './scratch-folder.ts';

/** What programs need to find others, their settings, and the language and time of the machine. */
const EVERY_PROGRAM = /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ)$/;

export interface EnvironmentParts {
  readonly facts: RunFacts;
  readonly scratch: ScratchFolder;
  readonly passEnv: readonly string[];
  /** Goes before all but what Longshore itself says. */
  readonly env: Readonly<Record<string, string>>;
  /** Of this process. */
  readonly own: NodeJS.ProcessEnv;
}

/** The environment of a program: little of the worker's, none of its keys, and what it is about. */
export function programEnvironment(parts: EnvironmentParts): Record<string, string> {
  const { facts, scratch, passEnv, env, own } = parts;
  const passed = Object.entries(own).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (EVERY_PROGRAM.test(entry[0]) || passEnv.includes(entry[0])),
  );
  return {
    LANG: 'C.UTF-8',
    // Its lines would otherwise come in the end, all at once.
    PYTHONUNBUFFERED: '1',
    TMPDIR: scratch.temporary,
    ...Object.fromEntries(passed),
    ...env,
    ...(own[FAMILY_MARK] !== undefined && { [FAMILY_MARK]: own[FAMILY_MARK] }),
    LONGSHORE_RUN_ID: facts.id,
    LONGSHORE_TASK: facts.task,
    LONGSHORE_EXECUTION_ID: facts.executionId,
    LONGSHORE_ATTEMPT: String(facts.attempt),
    LONGSHORE_MAX_ATTEMPTS: String(facts.maxAttempts),
    LONGSHORE_IDEMPOTENCY_KEY: facts.idempotencyKey,
    LONGSHORE_FILES: scratch.files,
    ...(scratch.file !== undefined && { LONGSHORE_FILE: scratch.file }),
  };
}

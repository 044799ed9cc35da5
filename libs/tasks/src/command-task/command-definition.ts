import { z } from 'zod';
import type { TaskDefinition } from '../definition/define-task.ts';
import { problemsOf } from '../definition/definition-problems.ts';
import { DEFINITION_KEYS } from '../definition/task-settings.ts';
import type { JsonSchema } from './json-schema-input.ts';

/** A task whose body is a program. */
export interface CommandDefinition extends Omit<
  TaskDefinition<z.ZodType>,
  'handler' | 'isolation' | 'input'
> {
  /** The program and its arguments, without a shell. A program without a slash is looked for in PATH, others from `cwd`. */
  readonly command: readonly string[];
  /** What its standard input may say: a zod schema, or JSON Schema 2020-12. Default: any object. */
  readonly input?: z.ZodType | JsonSchema;
  /** Variables of its own. It sees no others of the worker than those that every program needs, and `passEnv`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables of the worker that it sees too, where they are set. */
  readonly passEnv?: readonly string[];
  /** The folder that it starts in; from the folder of the task file, which is the default. */
  readonly cwd?: string;
  /** Where it writes its result. `stdout` is for programs that know nothing of Longshore; what they print is not logged then. Default `fd3`. */
  readonly resultOn?: 'fd3' | 'stdout';
  /** Whether it must write a result. `optional`: without one the output is null. Default `required`. */
  readonly result?: 'required' | 'optional';
  /** Exit codes that say that no other attempt would help. Default 65, which is EX_DATAERR: the input is wrong. */
  readonly doNotRetryExitCodes?: readonly number[];
}

/** What is known of the program itself. */
export interface Command {
  readonly command: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly passEnv: readonly string[];
  readonly resultOn: 'fd3' | 'stdout';
  readonly result: 'required' | 'optional';
  readonly doNotRetryExitCodes: readonly number[];
}

/** With it a program could speak in the name of any run. */
const KEPT_FROM_PROGRAMS = ['INTERNAL_SERVICE_API_KEY', 'BROKER_URL', 'DATABASE_URL'];

const text = z.string().refine((value) => !value.includes('\0'), 'must not hold NUL');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of a variable');
const ownEnv = z.record(z.string(), text).superRefine((env, context) => {
  for (const name of Object.keys(env)) {
    const problem = variable.safeParse(name).error?.issues[0]?.message;
    const message = name.startsWith('LONGSHORE_') ? 'is said by Longshore itself' : problem;
    if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
  }
});

const commandSchema = z.object({
  command: z.tuple([text.min(1, 'names no program')], text),
  cwd: text.default('.'),
  env: ownEnv.default({}),
  passEnv: z
    .array(variable.refine((name) => !KEPT_FROM_PROGRAMS.includes(name), 'is never given to programs'))
    .default([]),
  resultOn: z.enum(['fd3', 'stdout']).default('fd3'),
  result: z.enum(['required', 'optional']).default('required'),
  doNotRetryExitCodes: z.array(z.int().min(1).max(255)).default([65]),
  isolation: z.undefined('a command always runs as processes of its own').optional(),
  handler: z.undefined('a command is one already').optional(),
});

/** All keys of the definition of a command. */
export const COMMAND_KEYS: readonly string[] = [
  ...new Set([...Object.keys(commandSchema.shape), ...DEFINITION_KEYS]),
].filter((key) => key !== 'isolation' && key !== 'handler');

/** What a definition says of the program, or all that is wrong with that. */
export function commandOf(
  definition: CommandDefinition,
): { readonly command: Command } | { readonly problems: readonly string[] } {
  const { data, error } = commandSchema.safeParse(definition);
  if (error !== undefined) return { problems: problemsOf(error, COMMAND_KEYS) };
  const { isolation: _isolation, handler: _handler, ...command } = data;
  return { command: command as Command };
}

/** What it says as every task does. */
export function settingsBeside(definition: CommandDefinition): object {
  const own = Object.entries(definition).filter(([key]) => !(key in commandSchema.shape));
  return Object.fromEntries(own);
}

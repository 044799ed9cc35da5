import { resolve } from 'node:path';
import { z } from 'zod';
import type { Task, TaskDefinition } from '../definition/define-task.ts';
import { wrongDefinition } from '../definition/definition-problems.ts';
import { defineTask, movable, partsOf } from '../definition/define-task.ts';
import type { CommandDefinition } from './command-definition.ts';
import { COMMAND_KEYS, commandOf, settingsBeside } from './command-definition.ts';
import { jsonSchemaInput } from './json-schema-input.ts';
import { runCommand } from './run-command.ts';

/**
 * Defines a task whose body is a program: its input comes as JSON on standard input, its result is the JSON that it writes to file descriptor
 * 3, what it prints goes to the log of the run. It runs as a process of the isolation `process`, so that time and memory are limited for it
 * and all that it starts, and nothing of it outlives its attempt. Relative paths begin at the folder of the task file, elsewhere at the
 * current one.
 * @throws {TypeError} that says all that is wrong with the definition
 */
export function commandTask(definition: CommandDefinition): Task {
  return commandIn(process.cwd(), definition);
}

function commandIn(folder: string, given: CommandDefinition): Task {
  const definition = given ?? {};
  const [read, told] = [commandOf(definition), inputOf(definition.input)];
  const settings: Partial<TaskDefinition<z.ZodType>> = {
    ...settingsBeside(definition),
    ...('input' in told ? told : { input: z.unknown() }),
    isolation: 'process',
    handler: (value, context) => runCommand(placed!, value, context),
  };
  const placed = 'command' in read ? { ...read.command, cwd: resolve(folder, read.command.cwd) } : undefined;
  // As every task's; told together with what is wrong with the program.
  const parts = partsOf(settings, COMMAND_KEYS);
  const problems = [read, told, parts].flatMap((part) => ('problems' in part ? part.problems : []));
  if (problems.length > 0) throw wrongDefinition('command task', definition.name, problems);
  return movable(defineTask(settings as TaskDefinition<z.ZodType>), (to) => commandIn(to, definition));
}

function inputOf(
  input: CommandDefinition['input'],
): { readonly input: z.ZodType } | { readonly problems: readonly string[] } {
  if (input === undefined) return { input: z.record(z.string(), z.unknown()) };
  if (typeof (input as z.ZodType | null)?.safeParse === 'function') return { input: input as z.ZodType };
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return { problems: ['input: must be a zod schema or a JSON Schema'] };
  try {
    return { input: jsonSchemaInput(input as JsonSchemaLike) };
  } catch (error) {
    return { problems: [`input: ${(error as Error).message}`] };
  }
}

type JsonSchemaLike = Parameters<typeof jsonSchemaInput>[0];

import { resolve } from 'node:path';
import { z } from 'zod';
import type { Task, TaskDefinition } from '../definition/define-task.ts';
import { defineTask, movable } from '../definition/define-task.ts';
import type { CommandDefinition } from './command-definition.ts';
import { commandOf } from './command-definition.ts';
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

function commandIn(folder: string, definition: CommandDefinition): Task {
  const { command, settings } = commandOf(definition);
  const placed = { ...command, cwd: resolve(folder, command.cwd) };
  const input = inputOf(definition.input);
  const handler: TaskDefinition<z.ZodType>['handler'] = (value, context) =>
    runCommand(placed, value, context);
  // The settings are checked there, as those of every task.
  const { input: _input, ...others } = settings as Omit<CommandDefinition, 'command'>;
  const task = defineTask({ ...others, isolation: 'process', input, handler });
  return movable(task, (to) => commandIn(to, definition));
}

function inputOf(input: CommandDefinition['input']): z.ZodType {
  if (input === undefined) return z.record(z.string(), z.unknown());
  if (typeof (input as z.ZodType).safeParse === 'function') return input as z.ZodType;
  if (typeof input === 'object' && input !== null && !Array.isArray(input))
    return jsonSchemaInput(input as JsonSchemaLike);
  throw new TypeError('The input of a command is a zod schema or a JSON Schema');
}

type JsonSchemaLike = Parameters<typeof jsonSchemaInput>[0];

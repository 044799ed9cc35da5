import { ApiError, type JsonValue, routes } from '@longshore/contracts';
import { nearestWord } from '@longshore/runtime';
import { CliError, usageError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { explainError } from '../output/explain-error.ts';
import { type Asking, askParameters } from '../prompt/ask-parameters.ts';
import { jsonObject } from './task-arguments.ts';
import { propertyOf, typedValue } from './typed-value.ts';

type JsonObject = { [key: string]: JsonValue };

export interface GivenParameters {
  /** A JSON object, as the command line has it. */
  readonly json: string | undefined;
  /** `name=value` each. */
  readonly pairs: readonly string[];
}

interface Means {
  /** The type of the task. */
  readonly task: string;
  readonly client: Pick<PlatformClient, 'call'>;
  /** Undefined: nobody is there to be asked. */
  readonly ask: Asking['ask'] | undefined;
  readonly tell: Asking['tell'];
}

/**
 * The parameters of a task: as the command line gives them, single ones, each in the type that the input schema says, before those of the object; where it gives none and somebody sits at
 * the terminal, as they answer what the input schema asks for.
 * @throws CliError for what is no JSON object, or no pair
 */
export async function taskParameters(
  { json, pairs }: GivenParameters,
  { task, client, ask, tell }: Means,
): Promise<JsonObject> {
  const whole = json === undefined ? {} : jsonObject(json);
  if (pairs.length > 0) {
    const named = pairs.map(pairOf);
    const schema = await schemaOf(task, client);
    const typed = named.map(([name, text]) => [name, typedValue(text, propertyOf(schema, name))]);
    return { ...whole, ...Object.fromEntries(typed) };
  }
  if (json !== undefined || ask === undefined) return whole;
  const schema = await schemaOf(task, client);
  return schema === undefined ? {} : await askParameters(schema, { ask, tell });
}

/** Undefined: nobody registered that type, as the platform will say. */
async function schemaOf(task: string, client: Means['client']): Promise<JsonValue | undefined> {
  const { details = [] } = await client.call(routes.taskTypes, { query: { details: 'true' } });
  return details.find(({ name }) => name === task)?.input_schema;
}

function pairOf(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw usageError(`-p needs a name and a value, as in -p duration=5, not "${pair}".`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/**
 * What to tell of a submission that was refused: for a type that nobody registered, the one that was likely meant.
 * @throws CliError with that; else the error as it is
 */
export async function withLikelyType(
  error: unknown,
  { task, client }: Pick<Means, 'task' | 'client'>,
): Promise<never> {
  if (!(error instanceof ApiError) || !error.errors.some(({ attr }) => attr === 'task_name')) throw error;
  const { types } = await client.call(routes.taskTypes, {}).catch(() => ({ types: [] }));
  const meant = nearestWord(task, types);
  if (meant === undefined) throw error;
  throw new CliError(`${explainError(error)} Did you mean ${meant}?`, { cause: error });
}

import { type JsonValue, routes } from '@longshore/contracts';
import { usageError } from '../cli-error.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { type Asking, askParameters } from '../prompt/ask-parameters.ts';
import { jsonObject } from './task-arguments.ts';

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
 * The parameters of a task: as the command line gives them, single ones before those of the object; where it gives none and somebody sits at
 * the terminal, as they answer what the input schema asks for.
 * @throws CliError for what is no JSON object, or no pair
 */
export async function taskParameters(
  { json, pairs }: GivenParameters,
  { task, client, ask, tell }: Means,
): Promise<JsonObject> {
  if (json !== undefined || pairs.length > 0)
    return { ...(json === undefined ? {} : jsonObject(json)), ...Object.fromEntries(pairs.map(pairOf)) };
  if (ask === undefined) return {};
  const { details = [] } = await client.call(routes.taskTypes, { query: { details: 'true' } });
  const type = details.find(({ name }) => name === task);
  // Of a type that nobody registered the platform says so.
  return type === undefined ? {} : await askParameters(type.input_schema, { ask, tell });
}

/** The value is JSON where it can be, else a text. */
function pairOf(pair: string): [string, JsonValue] {
  const at = pair.indexOf('=');
  if (at < 1) throw usageError(`-p needs a name and a value, as in -p duration=5, not "${pair}".`);
  const [name, text] = [pair.slice(0, at), pair.slice(at + 1)];
  try {
    return [name, JSON.parse(text) as JsonValue];
  } catch {
    return [name, text];
  }
}

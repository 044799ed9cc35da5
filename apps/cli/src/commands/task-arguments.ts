import type { JsonValue } from '@longshore/contracts';
import { usageError } from '../cli-error.ts';

/** A JSON object as it stands on the command line. @throws CliError */
export function jsonObject(text: string): { [key: string]: JsonValue } {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw usageError(`The parameters are no JSON (${(error as Error).message}): write '{"name": "value"}'.`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError(`The parameters are no JSON object: write '{"name": "value"}'.`);
  return value;
}

import { readFileSync } from 'node:fs';
import type { JsonValue } from '@longshore/contracts';
import { usageError } from '../cli-error.ts';

type JsonObject = { [key: string]: JsonValue };

/**
 * The JSON object, or null, that an option gives: itself, or as the file that holds it.
 * @throws CliError that says what is wrong with it
 */
export function jsonObjectGiven(given: string): JsonObject | null {
  const isItself = given.trimStart().startsWith('{') || given.trim() === 'null';
  const value = parsed(isItself ? given : textOf(given), isItself ? 'What was given' : given);
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw usageError(`${given} must hold a JSON object, or null.`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} is neither a JSON object nor a file that can be read.`, { cause: error });
  }
}

function parsed(text: string, name: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw usageError(`${name} cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
}

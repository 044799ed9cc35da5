import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Where the value of a credential stands. */
export interface SecretReference {
  readonly env?: string;
  readonly file?: string;
}

/** A value that cannot be had; the message is for people and holds no value. */
export class SecretValueError extends Error {
  override readonly name = 'SecretValueError';
}

export const REFERENCES_ONLY =
  'a value of a credential never stands in a file or a command in clear: refer to the environment (env) or to a file (file) that holds it';

/**
 * What a reference refers to. Of a file the line end at its end is left out; its path is meant from `folder`.
 * @throws SecretValueError
 */
export function secretValue({ env, file }: SecretReference, folder: string): string {
  if (file === undefined) return fromEnvironment(env!);
  try {
    return readFileSync(resolve(folder, file), 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SecretValueError(`the file ${file} cannot be read (${code})`, { cause: error });
  }
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new SecretValueError(`the environment variable ${name} is not set`);
  return value;
}

/** The values of a document `kind: credential`, put in the place of the references to them; and what is wrong with those. */
export function resolveValues(
  document: unknown,
  folder: string,
): { document: unknown; problems: { path: string[]; message: string }[] } {
  const problems: { path: string[]; message: string }[] = [];
  const { kind, values } = (document ?? {}) as { kind?: unknown; values?: unknown };
  if (kind !== 'credential' || typeof values !== 'object' || values === null || Array.isArray(values))
    return { document, problems };
  const resolved = Object.entries(values).map(([key, reference]: [string, unknown]) => {
    try {
      return [key, secretValue(referenceIn(reference), folder)];
    } catch (error) {
      if (!(error instanceof SecretValueError)) throw error;
      problems.push({ path: ['values', key], message: error.message });
      return [key, ''];
    }
  });
  return { document: { ...(document as object), values: Object.fromEntries(resolved) as object }, problems };
}

function referenceIn(value: unknown): SecretReference {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  const [only, ...others] = isMap ? Object.entries(value) : [];
  if (
    only === undefined ||
    others.length > 0 ||
    !['env', 'file'].includes(only[0]) ||
    typeof only[1] !== 'string'
  )
    throw new SecretValueError(`${REFERENCES_ONLY}, as { env: NAME } or { file: path }`);
  return { [only[0]]: only[1] };
}

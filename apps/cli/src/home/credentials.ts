import { coreWorkerNames } from '@longshore/contracts';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import type { Home } from './home.ts';
import { readJsonFile } from './secret-file.ts';

const credentialsSchema = z.object({
  organisation: z.string(),
  api_key: z.string(),
  admin_key: z.string(),
  service_keys: z.partialRecord(z.enum(coreWorkerNames), z.string()),
});

/** What the backend writes at its first start: the default organisation and the keys to everything. */
export type Credentials = z.infer<typeof credentialsSchema>;

/** The keys of this home, undefined before its first start. */
export function findCredentials(home: Home): Credentials | undefined {
  return credentialsSchema.safeParse(readJsonFile(home.credentials)).data;
}

/** The keys of this home. Throws when the backend did not leave any that can be read. */
export function readCredentials(home: Home): Credentials {
  const credentials = findCredentials(home);
  if (credentials) return credentials;
  throw new CliError(
    `${home.credentials} holds no keys: delete it and start again, and the backend makes new ones.`,
  );
}

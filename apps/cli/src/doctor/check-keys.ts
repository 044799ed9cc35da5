import { ApiError, routes } from '@longshore/contracts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { Credentials } from '../home/credentials.ts';
import { type Finding, ok, wrong } from './finding.ts';

export interface KeyQuestions {
  /** A client with this key, of the public API or of the part below this path. */
  readonly clientWith: (key: string, area?: string) => PlatformClient;
  readonly credentials: Credentials;
}

/** Whether the keys of the home still open what they were made for. */
export async function checkKeys({ clientWith, credentials }: KeyQuestions): Promise<Finding[]> {
  const { api_key: apiKey, service_keys: serviceKeys } = credentials;
  const outcomes = [
    await refusalOf('API key', () =>
      clientWith(apiKey).call(routes.listExecutions, { query: { limit: '1' } }),
    ),
  ];
  for (const [worker, key] of Object.entries(serviceKeys)) {
    outcomes.push(
      await refusalOf(`key of ${worker}`, () => clientWith(key, '/internal').call(routes.internalHealth)),
    );
  }
  const refused = outcomes.filter((outcome) => outcome !== undefined);
  return refused.length === 0 ? [ok('keys', 'those of the home are valid')] : refused;
}

async function refusalOf(name: string, ask: () => Promise<unknown>): Promise<Finding | undefined> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const mend =
      'Make another with "longshore keys create", and put it where it is used; in the home that is credentials.json.';
    return wrong('keys', `the ${name} of the home was refused (${error.message})`, mend);
  }
}

import { ApiError, errorBodySchema } from '@longshore/contracts';

/** Why the backend does not let this worker in, in its words: the key is not good. Undefined where it is about something else. */
export function refusalIn(error: unknown): string | undefined {
  return error instanceof ApiError && isRefusal(error.status) ? error.message : undefined;
}

/** Whether an answer with this status says that the key is not good. */
export function isRefusal(status: number | null): boolean {
  return status === 401 || status === 403;
}

/** What an answer says, out of its JSON where it has the form of our errors. */
export function wordsOf(body: string): string {
  try {
    return errorBodySchema
      .parse(JSON.parse(body))
      .errors.map(({ detail }) => detail)
      .join('; ');
  } catch {
    // A proxy on the way has a form of its own.
    return body;
  }
}

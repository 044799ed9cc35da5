import type { CredentialType, OpenedCredential } from '@longshore/contracts';
import { TaskError, type TaskContext } from '@longshore/tasks';

/** The values of a credential of one of these types. @throws TaskError when there is none of that name, or it is of another type */
export async function credentialOf(
  { pipelineFiles }: Pick<TaskContext, 'pipelineFiles'>,
  name: string,
  types: readonly CredentialType[],
): Promise<OpenedCredential> {
  const credential = await pipelineFiles.credential(name).catch((error: unknown) => {
    const { status, message } = error as { status?: number; message: string };
    if (status !== 404 && status !== 409) throw error;
    throw failure(`The credential "${name}" cannot be used: ${message}`);
  });
  if (types.includes(credential.type)) return credential;
  throw failure(`The credential "${name}" is of type ${credential.type}; ${types.join(' or ')} is needed`);
}

function failure(message: string): TaskError {
  return new TaskError('credential_failed', message, { retryable: false });
}

/** The header `Authorization` of a credential; undefined where it is for something else. */
export function authorizationOf({ type, values }: OpenedCredential): string | undefined {
  if (type === 'bearer') return `Bearer ${values['token'] ?? ''}`;
  if (type !== 'basic') return undefined;
  const pair = `${values['username'] ?? ''}:${values['password'] ?? ''}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

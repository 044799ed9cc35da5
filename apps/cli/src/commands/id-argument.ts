import { InvalidArgumentError } from 'commander';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reads an argument or option as an id, in small letters as all are written. @throws InvalidArgumentError that commander tells */
type ReadId = (spelled: string) => string;

/** For ids that the command `list` shows. */
function idShownBy(list: string): ReadId {
  return (spelled) => {
    if (ID.test(spelled)) return spelled.toLowerCase();
    throw new InvalidArgumentError(
      `An id looks like 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e: see "longshore ${list}".`,
    );
  };
}

export const executionId = idShownBy('executions');
export const taskId = idShownBy('tasks list');
export const keyId = idShownBy('keys list');
export const runId = idShownBy('runs <id>');
export const replayId = idShownBy('replay');
export const deliveryId = idShownBy('webhooks deliveries <name>');

/** The same for an argument that takes several. */
export function several(read: ReadId): (spelled: string, before?: readonly string[]) => readonly string[] {
  return (spelled, before = []) => [...before, read(spelled)];
}

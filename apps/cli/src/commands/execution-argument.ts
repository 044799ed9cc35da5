import { InvalidArgumentError } from 'commander';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reads an argument as the id of an execution, in small letters as all are written. @throws InvalidArgumentError that commander tells */
export function executionId(spelled: string): string {
  if (ID.test(spelled)) return spelled.toLowerCase();
  throw new InvalidArgumentError(
    'An id looks like 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e: see "longshore executions".',
  );
}

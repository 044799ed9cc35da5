import { createHash } from 'node:crypto';

/**
 * Id of a run under its parent: the parent's millisecond, then a hash of parent and key, in the shape of a
 * UUID v7. So a fan-out that is repeated makes the same ids (the primary key is the constraint "unique parent +
 * key"), and a whole family lies in one partition of `runs`.
 */
export function childRunId(parentId: string, key: string): string {
  const hash = createHash('sha256').update(parentId).update('\0').update(key).digest();
  hash[0] = (hash[0]! & 0x0f) | 0x70;
  hash[2] = (hash[2]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${parentId.slice(0, 14)}${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8, 20)}`;
}

/** Id of a file of a pipeline's execution, always the same for a path: a planning that is repeated takes no file twice. */
export function pipelineFileId(executionId: string, path: string): string {
  return childRunId(executionId, `file\0${path}`);
}

/** The range of ids in which the families of these runs lie; lets the database skip all other partitions. */
export function familyRange(runIds: readonly string[]): { from: string; to: string } {
  let least = runIds[0] ?? '';
  let greatest = least;
  for (const id of runIds) {
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  return {
    from: `${least.slice(0, 14)}0000-0000-000000000000`,
    to: `${greatest.slice(0, 14)}ffff-ffff-ffffffffffff`,
  };
}

/** The key under which a continuation is its parent's child. No user key can equal it: keys are not empty. */
export const CONTINUATION_KEY = '';

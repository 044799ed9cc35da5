/** What the names of all outputs of one attempt begin with in the file store. */
export function outputPrefix({ runId, epoch }: { runId: string; epoch: number }): string {
  return `outputs/${runId}-${epoch}-`;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** True when the name is one that this very attempt may have stored an output under. */
export function isOutputOf(attempt: { runId: string; epoch: number }, ref: string): boolean {
  const prefix = outputPrefix(attempt);
  return ref.startsWith(prefix) && UUID.test(ref.slice(prefix.length));
}

/** What is told to end at once and has not after this time is held up by the machine, milliseconds. */
const END_WITHIN_MS = 5_000;

/** Whether it ends in time. Never rejects. */
export async function endsInTime(ended: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, END_WITHIN_MS, false);
  const done = ended.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([done, late]);
  clearTimeout(timer);
  return inTime;
}

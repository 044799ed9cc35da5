/** A parcel fills a slot for about this long, so that delivery costs little and no slot waits behind another. */
export const PARCEL_MS = 100;
/** The most runs that travel together; also a constraint of the table `dispatches`. */
export const MAX_PARCEL_RUNS = 50;

/**
 * How many runs of one task travel in a parcel.
 *
 * @param averageMs measured duration of the task; undefined (never measured) and anything long travel alone.
 */
export function parcelSize(averageMs: number | undefined): number {
  if (averageMs === undefined) return 1;
  return Math.max(1, Math.min(MAX_PARCEL_RUNS, Math.floor(PARCEL_MS / Math.max(averageMs, 0.001))));
}

/**
 * Splitting work finer than this gains nothing: a hop (message, claim, report) costs about as much as the other slot
 * would save. Measured: 20 files of 0.4 ms each are answered sooner by one slot than by ten.
 */
export const WORTH_A_HOP_MS = 10;

/**
 * Splits `count` runs of one task into parcels: as large as {@link parcelSize} allows, yet not so large that free slots
 * stay empty for which there is work worth a hop. Returns the parcel's number for each run, in order.
 */
export function splitIntoParcels(count: number, averageMs: number | undefined, freeSlots: number): number[] {
  const fairShare = Math.ceil(count / Math.max(1, freeSlots));
  const worthwhile = averageMs === undefined ? 1 : Math.floor(WORTH_A_HOP_MS / Math.max(averageMs, 0.001));
  const size = Math.max(1, Math.min(parcelSize(averageMs), Math.max(fairShare, worthwhile)));
  return Array.from({ length: count }, (_, index) => Math.floor(index / size));
}

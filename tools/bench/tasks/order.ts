/** A task that was handled. */
export interface Handled {
  /** The greater goes first. */
  readonly rank: number;
  /** As which it was submitted: among equal ranks the smaller goes first. */
  readonly submitted: number;
  /** The parcel that it travelled in. */
  readonly parcel: string;
}

export interface Order {
  /** Most parcels that were still to be handled, though they go first, when one was handled. */
  readonly mostPassedParcels: number;
  /** Share of tasks that were handled while nothing that goes first was left. */
  readonly inOrder: number;
}

/**
 * How far tasks were handled in order, all having waited from the beginning. Those that are handed out in order and executed side
 * by side pass only what is out beside them: fewer parcels than may be out at once.
 *
 * @param handled in the order in which their handlers were called.
 */
export function orderOf(handled: readonly Handled[]): Order {
  let mostPassedParcels = 0;
  let inOrder = 0;
  handled.forEach((one, index) => {
    const passed = new Set<string>();
    for (let i = index + 1; i < handled.length; i += 1) {
      const later = handled[i]!;
      if (goesFirst(later, one) && later.parcel !== one.parcel) passed.add(later.parcel);
    }
    mostPassedParcels = Math.max(mostPassedParcels, passed.size);
    if (passed.size === 0) inOrder += 1;
  });
  return { mostPassedParcels, inOrder: inOrder / handled.length };
}

function goesFirst(one: Handled, other: Handled): boolean {
  return one.rank > other.rank || (one.rank === other.rank && one.submitted < other.submitted);
}

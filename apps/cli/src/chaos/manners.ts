import { createRandom } from './random.ts';

/**
 * What a receiver does with a delivery that it has read to its end: it answers that it has it; says 500; cuts the connection without a
 * word, so that the sender cannot know; or stays silent.
 */
export type Manner = 'answers' | 'refuses' | 'cuts' | 'hangs';

/** So often a delivery is tried. */
const TRIES = 5;
/** This one is not taken before it was given up. */
const STUBBORN = 3;
const MOST_FAILURES = 2;

/**
 * How a receiver behaves: the same seed gives the same behaviour to the first delivery that arrives, to the second, and so on. About half of
 * them are answered at once; one is refused until the platform gives it up.
 */
export function createManners(seed: number): (deliveryId: string, nth: number) => Manner {
  const order = new Map<string, number>();
  return (deliveryId, nth) => {
    const place = order.get(deliveryId) ?? order.size + 1;
    order.set(deliveryId, place);
    if (place === STUBBORN) return nth <= TRIES ? 'refuses' : 'answers';
    const random = createRandom(seed ^ Math.imul(place, 0x27d4eb2f));
    const failures = random.next() < 0.5 ? 0 : random.between(1, MOST_FAILURES);
    const planned = Array.from({ length: failures }, () =>
      random.pick(['refuses', 'cuts', 'hangs'] as const),
    );
    return planned[nth - 1] ?? 'answers';
  };
}

import { uuidV7 } from '@longshore/runtime';
import type { DispatchQueue } from './backend.ts';

/** Beside the mark of the platform: which time of the broker this is. It goes with all else when the broker is emptied. */
const FIELD = 'time';

/** Counts how often the broker was found to have been emptied, by whoever found it first. The first look counts too. */
export function createEmptyings() {
  let known: string | undefined;
  let count = 0;
  return {
    async look(queue: Pick<DispatchQueue, 'getMeta' | 'setMeta'>): Promise<number> {
      const time = (await queue.getMeta(FIELD)) ?? (await begin(queue));
      if (time !== known) count += 1;
      known = time;
      return count;
    },
  };
}

async function begin(queue: Pick<DispatchQueue, 'setMeta'>): Promise<string> {
  const time = uuidV7();
  await queue.setMeta({ [FIELD]: time });
  return time;
}

/**
 * Whose turn it is in one pool. Kept in memory: whoever leads the pool next begins anew, with all level.
 *
 * Organisations take turns on each level apart: the work of one queue and one priority. What waited too long, whatever its queue and
 * priority, is a level too.
 */
export interface Turns {
  readonly levels: Map<string, Level>;
  /** Publications since one last went to what had waited too long, at most {@link RESCUED_OF}. */
  sinceRescue: number;
}

/** Amounts are ms of a slot divided by the organisation's weight. */
interface Level {
  /** How much those had that were served last: whoever comes starts there. Never falls. */
  from: number;
  /** By organisation: how much it had. Who is missing had no more than `from`. */
  readonly taken: Map<string, number>;
}

/** A publication, as far as turns are concerned: one on each level of which it holds something. */
export interface PublishedTurns {
  readonly turns: readonly Turn[];
}

export interface Turn {
  readonly organisation_id: string;
  readonly level: string;
  /** How much its organisation had on this level before it. */
  readonly start: number;
  /** What it costs its organisation. */
  readonly share: number;
}

/** The level of what waited too long. */
export const RESCUED = 'rescued';
/** Of so many publications one may go to what waited too long. */
export const RESCUED_OF = 10;

export const noTurns = (): Turns => ({ levels: new Map(), sinceRescue: 0 });

/**
 * Start-time fair queueing: each pays for what was published for it, from its own time or the level's, whichever is later. `published`
 * in the order of the publishing statement. Unless more waits, all are level again.
 */
export function takeTurns(
  turns: Turns,
  published: readonly PublishedTurns[],
  { goOn }: { goOn: boolean },
): void {
  const { levels } = turns;
  for (const { turns: taken } of published) {
    for (const turn of taken) takeTurn(levels, turn);
    // One place is kept for what will have waited too long; more would let it come in a crowd.
    const isRescued = taken[0]?.level === RESCUED;
    turns.sinceRescue = Math.min(turns.sinceRescue + (isRescued ? 1 - RESCUED_OF : 1), RESCUED_OF);
  }
  if (!goOn) levels.clear();
  for (const [name, { from, taken }] of levels) {
    for (const [id, had] of taken) if (had <= from) taken.delete(id);
    if (taken.size === 0) levels.delete(name);
  }
}

function takeTurn(levels: Turns['levels'], { organisation_id, level: name, start, share }: Turn): void {
  const level = levels.get(name) ?? { from: 0, taken: new Map<string, number>() };
  levels.set(name, level);
  level.taken.set(organisation_id, start + share);
  level.from = Math.max(level.from, start);
}

/** As the publishing statement wants them: {level: from} and {"level organisation": taken}. */
export function turnsAsParameters({ levels }: Turns): { from: string; taken: string } {
  const entries = [...levels];
  const taken = entries.flatMap(([name, level]) =>
    [...level.taken].map(([id, had]) => [`${name} ${id}`, had] as const),
  );
  return {
    from: JSON.stringify(Object.fromEntries(entries.map(([name, { from }]) => [name, from]))),
    taken: JSON.stringify(Object.fromEntries(taken)),
  };
}

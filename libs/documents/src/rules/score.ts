/** How well a place fits, each part from 0 to 1. */
export interface ScoreParts {
  /** The label alone or before a colon 1, in front of other words 0.7, inside with a colon 0.4, inside 0.2; as a heading of a table half of it. */
  readonly label: number;
  /** Where the value is to be expected 1, in the other direction 0.5. */
  readonly direction: number;
  /** Right behind or next to the label 1, down to 0.3 far away. */
  readonly distance: number;
}

/** The parts, and what of the whole each of them makes. */
const WEIGHTS = Object.freeze({ label: 0.4, direction: 0.2, distance: 0.15, type: 0.25 });

/** How close a value is to its label: from 1, next to it, down to 0.3, far away; in hundredths. */
export function closeness(value: number): number {
  return Math.round(100 * Math.min(1, Math.max(LEAST_CLOSENESS, value))) / 100;
}

export const LEAST_CLOSENESS = 0.3;

/** How well a place fits before anybody looked at what stands there. */
export function placeScore({ label, direction, distance }: ScoreParts): number {
  return WEIGHTS.label * label + WEIGHTS.direction * direction + WEIGHTS.distance * distance;
}

/**
 * The whole score, from 0 to 1 in hundredths. `type` is 1 for a value of the wanted type, 0.5 for one behind which a remark
 * was left out, 0 for anything else.
 */
export function totalScore(parts: ScoreParts, type: number): number {
  return Math.round(100 * (placeScore(parts) + WEIGHTS.type * type)) / 100;
}

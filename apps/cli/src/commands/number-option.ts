import { InvalidArgumentError } from 'commander';

/** Reads the value of an option as a whole number from 1 on. @throws InvalidArgumentError that commander tells */
export function wholeNumber(spelled: string): number {
  if (!/^[1-9]\d{0,8}$/.test(spelled)) throw new InvalidArgumentError('Write a whole number from 1 on.');
  return Number(spelled);
}

/** The same from `least` to `most`. @throws InvalidArgumentError that commander tells */
export function wholeNumberFrom(least: number, most: number): (spelled: string) => number {
  return (spelled) => {
    const number = /^-?\d{1,9}$/.test(spelled) ? Number(spelled) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`);
  };
}

import { InvalidArgumentError } from 'commander';

/** Reads the value of an option as a whole number from 1 on. @throws InvalidArgumentError that commander tells */
export function wholeNumber(spelled: string): number {
  if (!/^[1-9]\d{0,8}$/.test(spelled)) throw new InvalidArgumentError('Write a whole number from 1 on.');
  return Number(spelled);
}

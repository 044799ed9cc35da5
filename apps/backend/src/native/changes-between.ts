import { isDeepStrictEqual } from 'node:util';
import type { JsonValue, ValueChange } from '@longshore/contracts';

type JsonObject = { [key: string]: JsonValue };

/**
 * The differences between two JSON values, each with the JSON Pointer to it, in the order of the keys of the older
 * value and then the newer. Lists are compared item by item: an item put in at the front changes all that follow.
 */
export function changesBetween(older: JsonValue, newer: JsonValue, path = ''): ValueChange[] {
  const [before, after] = [membersOf(older), membersOf(newer)];
  if (before === null || after === null || Array.isArray(older) !== Array.isArray(newer)) {
    return isDeepStrictEqual(older, newer) ? [] : [{ change: 'changed', path, from: older, to: newer }];
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name): ValueChange[] => {
    const place = `${path}/${escaped(name)}`;
    if (!Object.hasOwn(after, name)) return [{ change: 'removed', path: place, from: before[name]! }];
    if (!Object.hasOwn(before, name)) return [{ change: 'added', path: place, to: after[name]! }];
    return changesBetween(before[name]!, after[name]!, place);
  });
}

function membersOf(value: JsonValue): JsonObject | null {
  if (Array.isArray(value)) return Object.fromEntries(value.entries());
  return typeof value === 'object' ? value : null;
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A step either takes a character and goes on to the next step, or goes on to others without one. */
type Step = { readonly takes: (character: string) => boolean } | { readonly to: number[] };

const anything = () => true;
const withinName = (character: string) => character !== '/';

/**
 * Tests paths, whose parts are separated by `/`, against a glob: `*`, `**` (any number of folders), `?`, `[abc]`, `[!abc]`, `[a-z]` and
 * `{a,b}`, upper and lower case alike; anything else stands for itself. Whoever writes a glob may be a stranger: a test takes time in proportion to
 * the lengths of path and glob, whatever stands in them, which no matcher that tries one way after another can promise.
 */
export function pathGlob(glob: string): (path: string) => boolean {
  const steps: Step[] = [];
  compile([...glob.toLowerCase()], 0, '', steps);
  return (path) => fits(steps, path.toLowerCase());
}

/** Goes all ways at once. */
function fits(steps: readonly Step[], path: string): boolean {
  let at = reachable(steps, [0]);
  for (const character of path) {
    const next: number[] = [];
    for (const place of at) {
      const step = steps[place];
      if (step !== undefined && 'takes' in step && step.takes(character)) next.push(place + 1);
    }
    if (next.length === 0) return false;
    at = reachable(steps, next);
  }
  return at.has(steps.length);
}

function reachable(steps: readonly Step[], from: number[]): Set<number> {
  const found = new Set(from);
  // What is added to a set while it is walked is walked too.
  for (const place of found) {
    const step = steps[place];
    if (step !== undefined && 'to' in step) step.to.forEach((next) => found.add(next));
  }
  return found;
}

/** Adds the steps of a glob from a place on to the first of these ends. Answers where that is. */
function compile(glob: readonly string[], from: number, ends: string, steps: Step[]): number {
  let at = from;
  while (at < glob.length && !ends.includes(glob[at]!)) at = compileOne(glob, at, steps);
  return at;
}

function compileOne(glob: readonly string[], at: number, steps: Step[]): number {
  const character = glob[at]!;
  if (character === '*') return compileStars(glob, at, steps);
  if (character === '{' && glob.indexOf('}', at) > 0) return compileChoice(glob, at, steps);
  const closing = glob.indexOf(']', at + 2);
  if (character === '[' && closing > 0) {
    steps.push({ takes: oneOf(glob.slice(at + 1, closing)) });
    return closing + 1;
  }
  steps.push({ takes: character === '?' ? withinName : (given) => given === character });
  return at + 1;
}

/** Two stars that are a whole part of the path stand for folders, or for all that is in one. */
function compileStars(glob: readonly string[], from: number, steps: Step[]): number {
  let at = from;
  while (glob[at] === '*') at += 1;
  const isWhole = at - from > 1 && '/{,'.includes(glob[from - 1] ?? '/') && '/},'.includes(glob[at] ?? '/');
  if (!isWhole) repeat(withinName, steps);
  else if (glob[at] !== '/') repeat(anything, steps);
  else {
    const choice = { to: [steps.length + 1] };
    steps.push(choice);
    repeat(anything, steps);
    choice.to.push(steps.push({ takes: (character) => character === '/' }));
    return at + 1;
  }
  return at;
}

function repeat(takes: (character: string) => boolean, steps: Step[]): void {
  const start = steps.length;
  steps.push({ to: [start + 1, start + 3] }, { takes }, { to: [start] });
}

function compileChoice(glob: readonly string[], from: number, steps: Step[]): number {
  const [choice, leave] = [{ to: [] as number[] }, { to: [] as number[] }];
  steps.push(choice);
  let at = from;
  do {
    choice.to.push(steps.length);
    at = compile(glob, at + 1, ',}', steps);
    steps.push(leave);
  } while (glob[at] === ',');
  leave.to.push(steps.length);
  return at + 1;
}

/** `abc`, `a-z`, and all but those behind a `!` or `^`; never a separator. */
function oneOf(written: readonly string[]): (character: string) => boolean {
  const isNegated = written[0] === '!' || written[0] === '^';
  const list = isNegated ? written.slice(1) : written;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < list.length; at += 1) {
    const isRange = list[at + 1] === '-' && list[at + 2] !== undefined;
    ranges.push([list[at]!, isRange ? list[at + 2]! : list[at]!]);
    if (isRange) at += 2;
  }
  const code = (character: string) => character.codePointAt(0)!;
  return (character) =>
    character !== '/' &&
    isNegated !== ranges.some(([a, z]) => code(character) >= code(a) && code(character) <= code(z));
}

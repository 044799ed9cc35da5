import { editDistance } from './edit-distance.ts';
import type { EnvLayer } from './env-layers.ts';
import { envLayers } from './env-layers.ts';
import type { LoadOptions } from './load-config.ts';
import type { Variable } from './variable.ts';
import { variables } from './variables.ts';

/** Longest typing mistake that is still recognised, in letters that were changed, left out, added or swapped. */
const MOST_CHANGES = 2;
/** In names and words of up to this many letters one changed letter makes another name: URL and URI, HOST and PORT. */
const SHORT = 6;

/**
 * One sentence for each variable that is set, that nobody reads, and whose name is nearly that of a setting. The environment holds
 * variables of other programs too: of it only names of several words are told, of which all but the misspelt one are those of the
 * setting, or that are its words in another order. Files are ours alone: any name that is close is told. Files that cannot be read
 * are passed over: loading the configuration tells of them.
 */
export function misspeltVariables({
  env = process.env,
  cwd = process.cwd(),
  envFiles,
}: Pick<LoadOptions, 'env' | 'cwd' | 'envFiles'> = {}): string[] {
  const [environment = {}, ...files] = envLayers({ env, cwd, envFiles, report: () => undefined });
  const ofFiles = files.flatMap((file) => found(file, (name, setting) => areClose(name, setting)));
  const sentences = [...found(environment, haveTheirWords), ...ofFiles].map(
    ([name, meant]) => `${name} is not a setting: did you mean ${meant}?`,
  );
  return [...new Set(sentences)];
}

type Likeness = (name: string, setting: string) => boolean;

const SETTINGS: readonly string[] = Object.values<Variable>(variables).flatMap(({ env, aliases, secret }) => {
  const names = [env, ...aliases];
  return secret ? [...names, ...names.map((name) => `${name}_FILE`)] : names;
});

function found(layer: EnvLayer, isLike: Likeness): [string, string][] {
  return Object.entries(layer).flatMap(([name, text]) => {
    if (SETTINGS.includes(name) || (text ?? '').trim() === '') return [];
    const spelled = name.toUpperCase();
    const [nearest] = SETTINGS.filter((setting) => isLike(spelled, setting)).toSorted(
      (one, other) => editDistance(spelled, one) - editDistance(spelled, other),
    );
    return nearest === undefined ? [] : [[name, nearest]];
  });
}

function areClose(name: string, setting: string): boolean {
  const most = setting.length <= SHORT ? 1 : MOST_CHANGES;
  // Nearly all names end here, at no cost.
  const isNear = Math.abs(name.length - setting.length) <= most && editDistance(name, setting) <= most;
  return isNear || haveTheirWords(name, setting);
}

/** The same words, but for one that is misspelt or their order. */
function haveTheirWords(name: string, setting: string): boolean {
  const [words, theirs] = [name.split('_'), setting.split('_')];
  if (words.length < 2 || words.length !== theirs.length) return false;
  if (words.toSorted().join() === theirs.toSorted().join()) return true;
  const [pair, ...others] = words.flatMap((word, at) =>
    word === theirs[at] ? [] : [[word, theirs[at] ?? ''] as const],
  );
  return pair !== undefined && others.length === 0 && isMisspelt(...pair);
}

function isMisspelt(word: string, meant: string): boolean {
  // What is numbered is told apart by its number.
  if (/\d/.test(word)) return false;
  if (`${word}S` === meant || word === `${meant}S`) return true;
  return meant.length > SHORT ? editDistance(word, meant) <= MOST_CHANGES : isSlip(word, meant);
}

/** Of a short word: a letter too few, twice, or in its neighbour's place. One that was exchanged makes another word. */
function isSlip(word: string, meant: string): boolean {
  if (meant.length <= 3 || editDistance(word, meant) !== 1) return false;
  return word.length !== meant.length || [...word].toSorted().join('') === [...meant].toSorted().join('');
}

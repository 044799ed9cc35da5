import picomatch from 'picomatch';
import { z } from 'zod';
import { patternComplaint } from './pattern.ts';

const OPTIONS: picomatch.PicomatchOptions = {
  dot: true,
  windows: false,
  bash: true,
  posix: true,
  noextglob: true,
  nonegate: true,
  noglobstar: true,
  fastpaths: false,
  strictBrackets: true,
};

/**
 * The regular expression of a glob on a file's name: `*`, `?`, `[abc]` and `{a,b}`, upper and lower case alike. It runs on
 * the engine of all patterns.
 *
 * @throws Error when it is not a glob
 */
export function globPattern(glob: string): string {
  // Names such as "scan (2).pdf" are common: parentheses and bars are letters like others.
  return `(?i)${picomatch.makeRe(glob.replaceAll(/(?<!\\)[()|]/gu, '\\$&'), OPTIONS).source}`;
}

/** A glob on the name of a file. */
export const globSchema = z
  .string()
  .min(1)
  .max(200)
  .superRefine((glob, context) => {
    if (glob.includes('/')) context.addIssue('a file name has no "/": write a pattern such as *-credit.pdf');
    const complaint = globComplaint(glob);
    if (complaint !== undefined) context.addIssue(`is not a file name pattern: ${complaint}`);
  });

function globComplaint(glob: string): string | undefined {
  if (/\{[^{}]*\.\.[^{}]*\}/u.test(glob)) return 'a range such as {1..3} is not known: write {1,2,3}';
  try {
    const complaint = patternComplaint(globPattern(glob));
    return complaint && `only *, ?, [abc] and {a,b} are known (it ${complaint})`;
  } catch (error) {
    return (error as Error).message;
  }
}

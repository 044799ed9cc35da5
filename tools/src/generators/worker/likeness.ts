import { type NewWorker, snakeCased } from './plan.ts';

/** The worker after which others are made: it has nothing that not all of them have. */
export const PATTERN = { name: 'callback', port: 8083 } as const;

/** A text about the pattern, as a text about this worker. */
export function like(text: string, { name, port }: Pick<NewWorker, 'name' | 'port'>): string {
  return text
    .replaceAll(PATTERN.name, name)
    .replaceAll(PATTERN.name.toUpperCase(), snakeCased(name).toUpperCase())
    .replaceAll(String(PATTERN.port), String(port));
}

/**
 * A YAML text in which this worker stands behind the pattern, wherever that is: whole blocks, and lines that name it.
 * @throws Error when the pattern is nowhere
 */
export function besidePattern(text: string, worker: Pick<NewWorker, 'name' | 'port'>): string {
  const lines = text.split('\n');
  const made: string[] = [];
  let seen = 0;
  for (let at = 0; at < lines.length;) {
    const end = endOfBlock(lines, at);
    const block = lines.slice(at, end);
    made.push(...block);
    if (block.some((line) => line.includes(PATTERN.name) && !/^\s*#/.test(line))) {
      const isApart = block.length > 1 && made[made.length - block.length - 1] === '';
      made.push(...(isApart ? [''] : []), ...block.map((line) => like(line, worker)));
      seen += 1;
    }
    at = end;
  }
  if (seen === 0) throw new Error(`${PATTERN.name} is not named there any more`);
  return made.join('\n');
}

/** Behind the lines that belong to this one, when it begins what is said of the pattern; else behind itself. */
function endOfBlock(lines: readonly string[], at: number): number {
  const indent = new RegExp(`^( *)${PATTERN.name}:`).exec(lines[at]!)?.[1];
  if (indent === undefined) return at + 1;
  let end = at + 1;
  while (end < lines.length && lines[end]!.startsWith(`${indent} `)) end += 1;
  return end;
}

/** A supervisor configuration with a program for this worker. @throws Error when that of the pattern is not found */
export function withProgram(text: string, worker: Pick<NewWorker, 'name' | 'port'>): string {
  const program = new RegExp(`^\\[program:longshore-${PATTERN.name}\\]\\n(?:.+\\n)+`, 'm').exec(text)?.[0];
  if (program === undefined) throw new Error(`There is no program longshore-${PATTERN.name}`);
  const grouped = replaced(text, /^programs=.*$/m, (list) => `${list},longshore-${worker.name}`);
  return `${grouped.trimEnd()}\n\n${like(program, worker)}`;
}

/** The text with the first match replaced. @throws Error when there is none */
export function replaced(text: string, match: RegExp, by: (found: string) => string): string {
  if (!match.test(text)) throw new Error(`${match} is not found there any more`);
  return text.replace(match, by);
}

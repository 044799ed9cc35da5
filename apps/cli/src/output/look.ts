import { styleText } from 'node:util';

/** How what is shown may look where it is shown. */
export interface Look {
  /** Width of the terminal. Default: there is none, lines are as wide as they have to be. */
  readonly columns?: number | undefined;
  /** Whether colours are seen there. Default: no. */
  readonly colours?: boolean | undefined;
}

export type Meaning = 'good' | 'bad' | 'busy' | 'waits';

const COLOURS = { good: 'green', bad: 'red', busy: 'cyan', waits: 'yellow' } as const;

/** The text in the colour of what it means; as it is where colours are not seen. */
export function painted(text: string, meaning: Meaning | undefined, { colours }: Look): string {
  if (colours !== true || meaning === undefined || text === '') return text;
  // Whether the stream shows them was asked before.
  return styleText(COLOURS[meaning], text, { validateStream: false });
}

/** An error as a person sees it: its first line stands out. */
export function paintedError(text: string, look: Look): string {
  const [head = '', ...rest] = text.split('\n');
  return [painted(head, 'bad', look), ...rest].join('\n');
}

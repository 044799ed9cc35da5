import { AsyncLocalStorage } from 'node:async_hooks';

/** How each sentence of PDF.js begins. */
const PREFIX = 'Warning: ';
/** What it says where it leaves out all text of a font: `Warning: loadFont - translateFont failed: "…"`. */
const LOST_FONT = /^Warning: (?:loadFont - |Font ".*" is not available)/u;
/** What stands for a letter whose meaning a file does not say: its bare code, a place for private use, or a mark that says so. */
const UNKNOWN = /[\u0001-\u0008\u000E-\u001F\u007F-\u009F\uE000-\uF8FF\uFFF0-\uFFF8\uFFFD-\uFFFF]/u;
const ALL_UNKNOWN = new RegExp(UNKNOWN.source, 'gu');
/** More of them, as a part of the letters of a page, are words rather than ornaments. */
const UNKNOWN_PART = 0.02;
const MAX_NAMED_PAGES = 10;

const listeners = new AsyncLocalStorage<(message: string) => void>();
let isListening = false;

/**
 * The library has no other way to tell that it leaves text out. What it says while nobody listens, and what others say, goes where it went before.
 */
function listen(): void {
  if (isListening) return;
  isListening = true;
  const { warn } = console;
  // eslint-disable-next-line no-console -- prints nothing of its own
  console.warn = (...words: unknown[]) => {
    const hear = listeners.getStore();
    if (hear === undefined || !String(words[0]).startsWith(PREFIX)) warn.apply(console, words);
    else hear(String(words[0]));
  };
}

/** Works with the library, whose warnings are heard and not printed. */
export function quietly<T>(work: () => Promise<T>): Promise<T> {
  listen();
  return listeners.run(() => undefined, work);
}

/** What makes it doubtful that the text of a PDF is all of its text. */
export interface Doubts {
  /** Reads the text of a page, inside of `quietly`, and notes fonts that cannot be read. */
  readonly during: <T>(page: number, read: () => Promise<T>) => Promise<T>;
  /** Notes a page most of whose words cannot be told from its fonts. */
  readonly look: (page: number, texts: readonly string[]) => void;
  /** A sentence for each kind, with the pages. */
  readonly warnings: () => readonly string[];
}

/** Gathers the doubts about one file. A font is told of on the first page that uses it. */
export function createDoubts(): Doubts {
  const lost = new Set<number>();
  const unknown = new Set<number>();
  return {
    during: (page, read) =>
      listeners.run((message) => {
        if (LOST_FONT.test(message)) lost.add(page);
      }, read),
    look: (page, texts) => {
      if (holdsUnknown(texts)) unknown.add(page);
    },
    warnings: () => [
      ...sentence(
        lost,
        (pages) =>
          `Text may be missing: a font of ${pages} cannot be read, here and wherever else it is used.`,
      ),
      ...sentence(
        unknown,
        (pages) => `Text of ${pages} cannot be relied on: its fonts do not say which letters they hold.`,
      ),
    ],
  };
}

/** The marks of lists, alone in their pieces, are no text. */
function holdsUnknown(texts: readonly string[]): boolean {
  let unknown = 0;
  for (const text of texts)
    if (text.length > 1 && UNKNOWN.test(text)) unknown += text.match(ALL_UNKNOWN)?.length ?? 0;
  return unknown > 0 && unknown > UNKNOWN_PART * texts.reduce((sum, text) => sum + text.length, 0);
}

function sentence(pages: ReadonlySet<number>, say: (pages: string) => string): string[] {
  if (pages.size === 0) return [];
  const named = [...pages].slice(0, MAX_NAMED_PAGES).join(', ');
  const more = pages.size > MAX_NAMED_PAGES ? ` and ${pages.size - MAX_NAMED_PAGES} more` : '';
  return [say(`page${pages.size === 1 ? '' : 's'} ${named}${more}`)];
}

import { isFromIsolate } from './messages.ts';
import type { IsolateEnd, IsolateListener } from './isolate.ts';

/** Tells one listener after the other; the end is told to whoever comes after it too. */
export function createTeller() {
  let listener: IsolateListener | undefined;
  let end: IsolateEnd | undefined;
  return {
    said: (message: unknown): void => {
      if (isFromIsolate(message)) listener?.said(message);
    },
    wrote: (line: string, stream: 'stdout' | 'stderr'): void => listener?.wrote(line, stream),
    gone: (its: IsolateEnd): void => {
      end = its;
      listener?.gone(its);
    },
    listen: (given: IsolateListener): void => {
      listener = given;
      if (end !== undefined) given.gone(end);
    },
  };
}

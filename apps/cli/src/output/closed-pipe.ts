import type { EventEmitter } from 'node:events';

export interface PipeWatch {
  readonly streams: readonly EventEmitter[];
  /** Whether the command has more to do than to tell: it goes on, unheard. */
  outlivesReader: () => boolean;
  /** Ends the process. */
  end: () => void;
}

/**
 * Whoever reads what is written here, such as `head`, may have seen enough: then a command that only tells things has
 * done its work. Without this the next line that is written ends it as a failure.
 */
export function endWithReader({ streams, outlivesReader, end }: PipeWatch): void {
  for (const stream of streams) {
    let isClosed = false;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && !isClosed) throw error;
      isClosed = true;
      if (!outlivesReader()) end();
    });
  }
}

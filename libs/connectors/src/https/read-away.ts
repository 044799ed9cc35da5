import type { IncomingMessage } from 'node:http';

/** An answer's body means nothing here: what is not read keeps the receiver from ending its answer, so a little is. */
const MOST_READ_BYTES = 65_536;
const READ_WITHIN_MS = 1_000;

/** Reads an answer to its end where that comes soon. Its head has said all that counts: nothing here can fail. */
export function readAway(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const done = () => {
      clearTimeout(patience);
      response.destroy();
      resolve();
    };
    const patience = setTimeout(done, READ_WITHIN_MS);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MOST_READ_BYTES) done();
    });
    response.once('end', done).once('close', done).on('error', done);
  });
}

import { Agent, request } from 'node:http';

/** A request body of 20 one-page text files, made once: the load generator must not be what is measured. */
export interface Load {
  readonly contentType: string;
  readonly body: Buffer;
}

export const FILES_PER_EXECUTION = 20;

/** Twenty invoices of one page each; their contents differ, so that none is recognised as another. */
export function invoiceLoad(): Load {
  const files = Array.from({ length: FILES_PER_EXECUTION }, (_, index) => invoicePart(index));
  return multipart(files, { timeout: '300' });
}

interface FilePart {
  readonly name: string;
  readonly content: Buffer;
}

export function invoicePart(index: number): FilePart {
  return { name: `invoice-${index}.txt`, content: Buffer.from(invoiceText(index)) };
}

/** A multipart body with these files and fields. */
export function multipart(files: readonly FilePart[], fields: Readonly<Record<string, string>> = {}): Load {
  const boundary = 'longshore-bench-boundary';
  const head = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}`;
  const parts = [
    ...files.flatMap(({ name, content }) => [
      Buffer.from(`${head(`name="files"; filename="${name}"`)}\r\nContent-Type: text/plain\r\n\r\n`),
      content,
      Buffer.from('\r\n'),
    ]),
    ...Object.entries(fields).map(([name, value]) =>
      Buffer.from(`${head(`name="${name}"`)}\r\n\r\n${value}\r\n`),
    ),
    Buffer.from(`--${boundary}--\r\n`),
  ];
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(parts) };
}

function invoiceText(index: number): string {
  const lines = Array.from(
    { length: 40 },
    (_, line) => `${line + 1}  Mooring, berth ${index}-${line}   2   ${(line * 3.5).toFixed(2)}`,
  );
  return [
    `Invoice number: INV-${1000 + index}`,
    'Invoice date: 2026-03-01',
    'Supplier: Pier 9 Logistics',
    ...lines,
    'Total due: 1,234.56',
  ].join('\n');
}

export interface Target {
  readonly url: string;
  readonly apiKey: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Posts one execution and waits for its result. @returns the time it took, ms. @throws when it did not complete. */
export function execute({ url, apiKey }: Target, { contentType, body }: Load): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'content-type': contentType,
      'content-length': body.length,
    };
    const call = request(
      `${url}/deployment/api/default/bench/`,
      { method: 'POST', agent, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          if (response.statusCode === 200 && answer.includes('"COMPLETED"'))
            resolve(performance.now() - started);
          else reject(new Error(`answer ${response.statusCode}: ${answer.slice(0, 300)}`));
        });
      },
    );
    call.once('error', reject);
    call.end(body);
  });
}

/** Runs `total` executions with `inFlight` at once. @returns executions per second. */
export async function drive(target: Target, load: Load, total: number, inFlight: number): Promise<number> {
  let left = total;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left > 0) {
        left -= 1;
        await execute(target, load);
      }
    }),
  );
  return (total * 1000) / (performance.now() - started);
}

/** What `fetch` needs to send a form. */
export interface MultipartRequest {
  readonly body: ReadableStream<Uint8Array>;
  readonly headers: { readonly 'content-type': string };
  readonly duplex: 'half';
}

/**
 * A form as a stream of our own. The one that `fetch` makes of a form is written by nobody's promise: when such a request
 * is aborted, or a file changes while it is sent, its error reaches no caller and ends the process.
 */
export function multipartOf(form: FormData): MultipartRequest {
  const boundary = `longshore-${crypto.randomUUID()}`;
  return {
    body: ReadableStream.from(partsOf(form, boundary)),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    duplex: 'half',
  };
}

async function* partsOf(form: FormData, boundary: string): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
    if (typeof value === 'string') yield bytes(`${head}\r\n\r\n${value}`);
    else {
      const type = value.type === '' ? 'application/octet-stream' : value.type;
      yield bytes(`${head}; filename="${quoted(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`);
      yield* value.stream();
    }
    yield bytes('\r\n');
  }
  yield bytes(`--${boundary}--\r\n`);
}

/** As browsers do it: https://html.spec.whatwg.org/#multipart-form-data */
function quoted(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}

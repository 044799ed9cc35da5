import { apiError } from '@longshore/contracts';
import busboy from 'busboy';
import type { Request } from 'express';
import { cleanFileName } from './file-names.ts';
import { createPartCounter, type PartCounter } from './form-parts.ts';
import {
  fieldTooLarge,
  fileTooLarge,
  MAX_FIELD_BYTES,
  MAX_FIELDS,
  MAX_FORM_BYTES,
  requestTooLarge,
  tooManyFields,
  tooManyFiles,
  type UploadLimits,
} from './upload-limits.ts';

/** Takes one file to its end. What it rejects with ends the reading of the request. */
type WriteFile = (name: string, chunks: AsyncIterable<Buffer>) => Promise<void>;

/** What came beside the files. */
export interface ReceivedForm {
  readonly fields: Readonly<Record<string, string>>;
  /** The addresses of files, in their order. */
  readonly urls: readonly string[];
}

/** The one field that may come more than once. */
const URLS_FIELD = 'presigned_urls';

/**
 * Reads a multipart request: files go to `write`, one at a time in the order of the request, and the rest of
 * the form is the answer. Stops at the first thing that is wrong and leaves the rest of the request unread.
 *
 * @throws ApiError 413, 400; and whatever `write` rejects with.
 */
export async function readMultipart(
  request: Request,
  limits: UploadLimits,
  write: WriteFile,
): Promise<ReceivedForm> {
  const parser = createParser(request, limits);
  const first = createFirstProblem();
  const form = collectFields(parser, limits, first.note);
  const written = collectFiles(parser, limits, write, first);
  const closed = new Promise<void>((resolve) => parser.once('close', resolve));
  parser.on('error', (error) => first.note(unreadable(error)));
  parser.on('filesLimit', () => first.note(tooManyFiles(limits.maxFiles)));
  parser.on('fieldsLimit', () => first.note(tooManyFields()));

  const begun = createPartCounter(request.headers['content-type']);
  const understood = countUnderstood(parser);
  await feed(request, parser, limits, { first, begun });
  // Destroyed here and never by a listener: the parser does not stand being destroyed while it handles a chunk.
  if (first.found()) parser.destroy();
  else parser.end();
  await closed;
  await written();
  if (first.found()) throw first.problem();
  if (begun.count > understood()) throw notUnderstood();
  return form;
}

/** How many parts the parser made something of. */
function countUnderstood(parser: busboy.Busboy): () => number {
  let count = 0;
  parser.on('field', () => void (count += 1));
  parser.on('file', () => void (count += 1));
  return () => count;
}

function notUnderstood() {
  const detail = 'The form has a part whose Content-Disposition is missing or cannot be read';
  return apiError('malformed_request', detail);
}

/** Keeps the first of the problems noted; what follows it is only its echo. */
function createFirstProblem() {
  const problems: unknown[] = [];
  return {
    note: (problem: unknown) => void problems.push(problem),
    found: () => problems.length > 0,
    problem: () => problems[0],
  };
}
type FirstProblem = ReturnType<typeof createFirstProblem>;

async function feed(
  request: Request,
  parser: busboy.Busboy,
  { maxRequestBytes }: UploadLimits,
  { first, begun }: { first: FirstProblem; begun: PartCounter },
): Promise<void> {
  let received = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > maxRequestBytes) first.note(requestTooLarge(maxRequestBytes));
      if (first.found()) return;
      begun.see(chunk);
      await new Promise<void>((resolve) => parser.write(chunk, () => resolve()));
      if (first.found()) return;
    }
  } catch {
    first.note(apiError('malformed_request', 'The client went away in the middle of the request'));
  }
}

function collectFields(
  parser: busboy.Busboy,
  { maxFiles }: UploadLimits,
  note: (problem: unknown) => void,
): ReceivedForm {
  const fields = Object.create(null) as Record<string, string>;
  const urls: string[] = [];
  let bytes = 0;
  let count = 0;
  parser.on('field', (name: string | undefined, value, { valueTruncated }) => {
    bytes += value.length;
    if (name === undefined) note(apiError('malformed_request', 'A field without a name'));
    else if (valueTruncated || value.length > MAX_FIELD_BYTES || bytes > MAX_FORM_BYTES)
      note(fieldTooLarge(name));
    else if (name === URLS_FIELD) collectUrl(value);
    else if ((count += 1) > MAX_FIELDS) note(tooManyFields());
    else if (name in fields) note(apiError('invalid', 'The field is given twice', name));
    else if (name === 'files') note(apiError('invalid', 'Not a file: a file part has a file name', name));
    else fields[name] = value;
  });

  /** Forms send an empty field for what was left empty. */
  function collectUrl(value: string): void {
    if (value.trim() !== '') urls.push(value.trim());
    if (urls.length > maxFiles) note(tooManyFiles(maxFiles, URLS_FIELD));
  }
  return { fields, urls };
}

/** Answers a function that resolves once every file that was begun has been written or dropped. */
function collectFiles(
  parser: busboy.Busboy,
  { maxFileBytes }: UploadLimits,
  write: WriteFile,
  first: FirstProblem,
): () => Promise<void> {
  let written = Promise.resolve();
  parser.on('file', (field: string | undefined, stream, { filename }: { filename: string | undefined }) => {
    // An error of a stream that nobody reads yet would end the process; whoever reads it gets it anyway.
    stream.on('error', () => undefined);
    stream.on('limit', () => first.note(fileTooLarge(filename, maxFileBytes)));
    written = written.then(async () => {
      try {
        // Left undestroyed on failure: it is read to its end below, or the parser would wait for ever.
        const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
        if (!first.found()) await write(cleanFileName(field, filename), chunks);
      } catch (error) {
        first.note(error);
      }
      stream.resume();
    });
  });
  return () => written;
}

/** Empty addresses are no addresses, but they are fields. */
const MAX_URL_FIELDS = 1000;

function createParser(request: Request, { maxFiles, maxFileBytes }: UploadLimits): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      // The parser calls a part that has just reached its limit too large; ours may reach it.
      limits: {
        files: maxFiles,
        fileSize: maxFileBytes + 1,
        fields: MAX_FIELDS + maxFiles + MAX_URL_FIELDS,
        fieldSize: MAX_FIELD_BYTES + 1,
      },
    });
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(error: unknown) {
  return apiError('malformed_request', `The form could not be read: ${(error as Error).message}`);
}

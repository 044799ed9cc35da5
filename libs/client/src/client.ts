import type { ExecutionDetail } from '@longshore/contracts';
import { multipartOf } from './multipart.ts';
import { LongshoreError } from './errors.ts';
import type { Answer, Input, OperationName } from './operation-types.ts';
import { operations } from './operations.ts';
import { defaultSleep, sendPersistently, type RetrySettings } from './retries.ts';

export interface ClientOptions extends RetrySettings {
  /** Where the platform answers, for example `https://longshore.example.org`. */
  readonly url: string;
  /** A key of an organisation, of a deployment, or of an administrator. */
  readonly key: string;
  /** Default: the `fetch` of the runtime. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface CallSettings {
  /** Ends the call and its retries: it rejects with the reason of the signal. */
  readonly signal?: AbortSignal;
  /** Makes a repeated POST harmless: its first effect is answered again. Such a call is tried again like a read. */
  readonly idempotencyKey?: string;
}

/** The operations whose answer is a page with \`next_cursor\`. */
export type PagedOperation = {
  [Name in OperationName]: Answer<Name> extends { next_cursor: string | null } ? Name : never;
}[OperationName];

type Item<Name extends PagedOperation> = Extract<
  Answer<Name>[keyof Answer<Name>],
  readonly unknown[]
>[number];

export interface Submission {
  readonly organisation: string;
  readonly apiName: string;
  readonly files: readonly {
    readonly name: string;
    readonly content: Blob | Uint8Array<ArrayBuffer> | string;
  }[];
  /** Further fields of the form, for example \`tags\` or \`custom_data\` (as JSON). */
  readonly fields?: Readonly<Record<string, string>>;
}

export interface Client {
  /**
   * Calls one operation of the API.
   *
   * Reads, and posts with an idempotency key, are tried again when nobody answers or the answer asks to wait.
   * @throws LongshoreError what the platform refused
   * @throws TypeError nobody answers
   */
  call<Name extends OperationName>(
    name: Name,
    ...given: Record<never, never> extends Input<Name>
      ? [input?: Input<Name>, settings?: CallSettings]
      : [input: Input<Name>, settings?: CallSettings]
  ): Promise<Answer<Name>>;
  /** Every item of a list, page after page, as long as it is asked for more. */
  items<Name extends PagedOperation>(
    name: Name,
    input?: Input<Name>,
    settings?: CallSettings,
  ): AsyncGenerator<Item<Name>, void, undefined>;
  /** Posts files to a deployment; they are stored, and will be worked on, when this resolves to the execution's id. */
  submit(submission: Submission, settings?: CallSettings): Promise<string>;
  /**
   * Asks until the execution has ended, and answers all about it, results included. Needs a key of the organisation.
   * Does not count as fetching the result; give a signal to bound the time.
   */
  waitForResult(executionId: string, settings?: Pick<CallSettings, 'signal'>): Promise<ExecutionDetail>;
}

const LONGEST_PAUSE_MS = 2_000;

/** A client of one platform with one key. It keeps nothing open and needs no closing. */
export function createClient(options: ClientOptions): Client {
  const base = options.url.replace(/\/+$/, '');

  async function send(name: OperationName, input: LooseInput, settings: CallSettings): Promise<unknown> {
    const [method, path] = operations[name];
    const address = `${base}${filled(path, input.params)}${queryOf(input.query)}`;
    const repeatable = method === 'get' || settings.idempotencyKey !== undefined;
    // Made anew for each try: the body of a form is a stream.
    const attempt = () =>
      (options.fetch ?? fetch)(address, requestOf(method, input, { key: options.key, settings }));
    const response = await sendPersistently(attempt, {
      ...options,
      repeatable: repeatable && !consumes(name),
      signal: settings.signal,
    });
    const text = await response.text();
    if (!response.ok && !isOutcome(name, response)) throw new LongshoreError(response, text);
    return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
  }

  const client: Client = {
    call: (async (name: OperationName, input: LooseInput = {}, settings: CallSettings = {}) =>
      send(name, input, settings)) as Client['call'],
    async *items(name, input, settings = {}) {
      let query = ((input ?? {}) as LooseInput).query ?? {};
      for (;;) {
        const page = (await send(name, { ...(input as LooseInput), query }, settings)) as Page;
        yield* Object.values(page).find(Array.isArray) as Item<typeof name>[];
        if (page.next_cursor === null) return;
        query = { ...query, cursor: page.next_cursor };
      }
    },
    async submit({ organisation, apiName, files, fields = {} }, settings = {}) {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      for (const { name, content } of files)
        form.append('files', content instanceof Blob ? content : new Blob([content]), name);
      const params = { org: organisation, api_name: apiName };
      const { message } = await client.call('executeDeployment', { params, form }, settings);
      return message.execution_id;
    },
    async waitForResult(id, { signal } = {}) {
      for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
        const detail = await client.call(
          'execution',
          { params: { id } },
          signal === undefined ? {} : { signal },
        );
        if (detail.status !== 'PENDING' && detail.status !== 'EXECUTING') return detail;
        await (options.sleep ?? defaultSleep)(pauseMs, signal);
      }
    },
  };
  return client;
}

interface LooseInput {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly form?: FormData;
}

interface Page {
  readonly next_cursor: string | null;
}

/** The deployment's own answers carry an outcome with a status above 400: not yet, failed, read before. */
function isOutcome(name: OperationName, { status }: Response): boolean {
  if (name === 'executeDeployment') return status === 422;
  return name === 'executionStatus' && (status === 422 || status === 406);
}

/** A lost answer of this read was the one read of the result: only the caller knows what to do then. */
function consumes(name: OperationName): boolean {
  return name === 'executionStatus';
}

function requestOf(
  method: string,
  { body, form }: LooseInput,
  { key, settings }: { key: string; settings: CallSettings },
): RequestInit {
  const multipart = form && multipartOf(form);
  const json = body !== undefined && multipart === undefined;
  return {
    method: method.toUpperCase(),
    headers: {
      Authorization: `Bearer ${key}`,
      ...(json ? { 'Content-Type': 'application/json' } : multipart?.headers),
      ...(settings.idempotencyKey === undefined ? {} : { 'Idempotency-Key': settings.idempotencyKey }),
    },
    ...(json ? { body: JSON.stringify(body) } : {}),
    ...(multipart && { body: multipart.body, duplex: multipart.duplex }),
    ...(settings.signal === undefined ? {} : { signal: settings.signal }),
  };
}

function filled(path: string, params: LooseInput['params'] = {}): string {
  return path.replace(/:(\w+)/g, (_whole, name: string) => {
    const value = params[name];
    if (value === undefined || value === '') throw new TypeError(`${path} needs the parameter ${name}`);
    return encodeURIComponent(String(value));
  });
}

function queryOf(query: LooseInput['query'] = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) words.append(name, String(value));
  return words.size === 0 ? '' : `?${words}`;
}

import { delimiter } from 'node:path';
import { NAME_PATTERN } from '@longshore/contracts';
import { isIP } from 'node:net';
import { z } from 'zod';

/** Levels of the log, from most to least talkative. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A port, and whether the operator named it: then a busy one is an error instead of a reason to take the next. */
export interface PortChoice {
  readonly value: number;
  readonly explicit: boolean;
}

/* Each schema takes the text of a variable. Messages continue the sentence "NAME …" and never quote the value. */

/** A whole number within bounds, both included. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, 'is out of range');
}

/** Seconds, decimals allowed, as milliseconds. */
export function seconds(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,9}(\.\d{1,3})?$/, 'is not a number of seconds')
    .transform((text) => Math.round(Number(text) * 1000))
    .refine((ms) => ms >= min * 1000 && ms <= max * 1000, 'is out of range');
}

const BYTES_PER_UNIT = { '': 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 } as const;

/** A number of bytes, plain or with KiB, MiB, GiB. */
export function bytes(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15} ?([kmg]ib)?$/i, 'is not a size')
    .transform((text) => {
      const unit = /[a-z]*$/i.exec(text)?.[0].toLowerCase() as keyof typeof BYTES_PER_UNIT;
      return Number.parseInt(text, 10) * BYTES_PER_UNIT[unit];
    })
    .refine((value) => value >= min && value <= max, 'is out of range');
}

/** Yes or no in any usual spelling. */
export const flag = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', '1', 'yes', 'on', 'false', '0', 'no', 'off'], 'is neither yes nor no'))
  .transform((text) => ['true', '1', 'yes', 'on'].includes(text));

/** What {@link flag} allows, in words. */
export const FLAG_RANGE = 'true or false (also yes or no, on or off, 1 or 0)';

/** How many runs at once a worker may go up to and comes back to. */
export interface ConcurrencyBounds {
  readonly max: number;
  readonly min: number;
}

/** `max,min` of what a worker executes at once. */
export const concurrencyBounds = z
  .string()
  .regex(/^\d{1,4} ?, ?\d{1,4}$/, 'is not of the form max,min')
  .transform((spelled): ConcurrencyBounds => {
    const [max = 0, min = 0] = spelled.split(',').map(Number);
    return { max, min };
  })
  .refine(({ max, min }) => min <= max, 'has the least first, and the most belongs there')
  .refine(({ max, min }) => min >= 1 && max <= 1000, 'is out of range');

/** Names separated by commas; blanks around them and empty ones do not count. */
export const list = z.string().transform((text): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const HOST_ENTRY =
  /^(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?)$/i;

/** Hosts that may be reached, separated by commas: names, `*` for what lies below one, an address, each with a port or without. */
export const hostList = list.refine(
  (entries) => entries.every((entry) => HOST_ENTRY.test(entry)),
  'is no list of hosts',
);

/** Origins separated by commas: scheme, host and port, as browsers send them. */
export const origins = list.superRefine((given, context) => {
  const wrong = given.filter((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  if (wrong.length === 0) return;
  const message = `names ${wrong.map((each) => `"${each}"`).join(', ')}, which no browser sends as an origin`;
  context.addIssue({ code: 'custom', message });
});

/** The name of a queue. */
export const queueName = z.string().regex(NAME_PATTERN, 'is no name that a queue can have');

/** Names of queues separated by commas. */
export const queueNames = list.superRefine((names, context) => {
  const wrong = names.filter((name) => !NAME_PATTERN.test(name));
  if (wrong.length === 0) return;
  const message = `names ${wrong.map((name) => `"${name}"`).join(', ')}, which no queue can be called`;
  context.addIssue({ code: 'custom', message });
});

/** Folders separated by commas, or by what separates those of PATH. */
export const folders = z.string().transform((text): readonly string[] =>
  text
    .split(new RegExp(`[,${delimiter}]`))
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

/** Addresses and networks in the form `address/bits`, separated by commas. */
export const networks = list.refine(
  (all) => all.every(isNetwork),
  'holds something that is no address and no network',
);

function isNetwork(spelled: string): boolean {
  const [address = '', bits, ...rest] = spelled.split('/');
  const longest = isIP(address) === 6 ? 128 : 32;
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest);
  return isIP(address) !== 0 && fits && rest.length === 0;
}

const SEALING_KEY_BYTES = 32;

/** Keys of 256 bits in base64 (the one for URLs too), separated by commas. */
export const sealingKeys = list
  .refine((all) => all.length > 0, 'holds no key')
  .transform((all): readonly Uint8Array[] => all.map((each) => Buffer.from(each, 'base64')))
  .refine(
    (all) => all.every(({ length }) => length === SEALING_KEY_BYTES),
    `holds something that is no base64 of ${SEALING_KEY_BYTES} bytes`,
  );

/** Any text that is not empty. */
export const text = z.string().min(1, 'is empty');

/** A key that others must not guess. */
export const key = z
  .string()
  .min(16, 'is too short')
  .regex(/^[\x21-\x7e]*$/, 'contains blanks or characters outside ASCII');

export const port = wholeNumber(0, 65_535);

/** `8080` insists on that port, `8080+` takes it or the next free one. */
export const healthPort = z
  .string()
  .regex(/^\d{1,5}\+?$/, 'is not a port')
  .transform((spelled): PortChoice => ({
    value: Number.parseInt(spelled, 10),
    explicit: !spelled.endsWith('+'),
  }))
  .refine(({ value }) => value <= 65_535, 'is out of range');

export const logLevel = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['debug', 'info', 'warning', 'warn', 'error'], 'is not a level'))
  .transform((level): LogLevel => (level === 'warning' ? 'warn' : level));

/** An absolute URL with one of the schemes, given without `:`. */
export function url(schemes: readonly string[]) {
  return z.string().superRefine((spelled, context) => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\/./i.exec(spelled)?.[1]?.toLowerCase();
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
    if (scheme === undefined) refuse('is not a URL');
    else if (!schemes.includes(scheme)) refuse(`has the scheme ${scheme}://`);
    else if (!URL.canParse(spelled)) refuse('is not a URL');
  });
}

/** `name=program arguments`, several separated by semicolons, as words by name. There is no shell, hence no quotes. */
export const namedCommands = z
  .string()
  .transform((text) =>
    text
      .split(';')
      .filter((each) => each.trim() !== '')
      .map((each) => /^\s*([\w.-]{1,50})\s*=\s*(\S.*?)\s*$/.exec(each)),
  )
  .refine((found) => !found.includes(null), 'is not a list of name=program arguments')
  .transform(
    (found): ReadonlyMap<string, readonly string[]> =>
      new Map(
        found.flatMap((each) => (each === null ? [] : [[each[1] ?? '', (each[2] ?? '').split(/\s+/)]])),
      ),
  );

/** Words that make a name secret wherever they stand in it: `db_password_hash`, `clientSecret`. */
const SECRET_ANYWHERE = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'authorization',
  'cookie',
  'credential',
  'apikey',
  'api_key',
  'private_key',
  'access_key',
  'service_key',
  'signing_key',
  'encryption_key',
];

/** Words that make a name secret only at its end: `run_token` is one, `token_count` and `max_tokens` are not. */
const SECRET_AT_END = /(^|_)(token|pwd|pass|signature|jwt|dsn)$/;

/** Log lines repeat the same few names; whatever else is thrown at us must not fill the memory. */
const MOST_KNOWN = 1_000;
const known = new Map<string, boolean>();

/** Whether the value under this name must not be shown, judged by the name alone, in any spelling of words. */
export function isSecretName(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const secret = judge(name);
  if (known.size < MOST_KNOWN && name.length < 100) known.set(name, secret);
  return secret;
}

function judge(name: string): boolean {
  const snake = name
    .slice(0, 200)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
  return SECRET_ANYWHERE.some((word) => snake.includes(word)) || SECRET_AT_END.test(snake);
}

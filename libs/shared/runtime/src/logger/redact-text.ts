/** Stands where a secret stood. */
export const REDACTED = '[redacted]';

/*
 * What a secret looks like, wherever it turns up. Every quantifier is bounded or cannot overlap its neighbour, so that
 * hostile text costs linear time.
 */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  // Our own keys, and those of the providers and services that tasks talk to.
  [/\blsk_[\w-]{4,}/g, REDACTED],
  [/\b(?:sk-|whsec_|gh[opusr]_|github_pat_|xox[abprs]-)[\w+/=-]{8,}/g, REDACTED],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, REDACTED],
  // Tokens of three or two parts whose first is JSON in base64url (`{"` is `eyJ`).
  [/\beyJ[\w-]{6,}(?:\.[\w-]{6,}){1,2}/g, REDACTED],
  // Run tokens.
  [/\blsr_[\w.-]+/g, REDACTED],
  [/\b(Bearer|Basic)[ +]+[\w.~+/=-]{4,}/gi, `$1 ${REDACTED}`],
  [
    /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^]{0,20000}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
    REDACTED,
  ],
  // user:password@ of a URL; the second line is for passwords in which somebody left a raw slash, ? or #.
  [/\b([a-z][a-z0-9+.-]{1,30}:\/\/[^\s:/?#@"]{0,256}):[^\s/?#"]{0,1024}@/gi, `$1:${REDACTED}@`],
  [
    /\b([a-z][a-z0-9+.-]{1,30}:\/\/[^\s:/?#@"]{0,256}):(?!\d{1,5}(?:[/?#\s"]|$))[^\s"]{0,1024}@/gi,
    `$1:${REDACTED}@`,
  ],
  [/\b(https?:\/\/)[^\s:/?#@"]{1,256}@/gi, `$1${REDACTED}@`],
  // name=value and "name": "value" in running text, URLs and JSON.
  [
    /\b((?:[\w-]{0,40}(?:password|passwd|secret|api[_-]?key|access[_-]?key|token|signature|credential))["']?\s{0,4}[=:]\s{0,4})(?!\[redacted)("[^"]{1,4096}"?|'[^']{1,4096}'?|[^\s"'&,;]{1,4096})/gi,
    `$1${REDACTED}`,
  ],
];

/** Every shape has one of these; most text has none, and is then searched once instead of once per shape. */
const TRACE =
  /ls[kr]_|sk-|whsec_|gh[opusr]_|github_pat_|xox|A[KS]IA|eyJ|bearer|basic|-----BEGIN|:\/\/|passw|secret|api[_-]?key|access[_-]?key|token|signature|credential/i;

/** The text without what looks like a secret. */
export function redactText(text: string): string {
  if (!TRACE.test(text)) return text;
  return SHAPES.reduce((left, [shape, replacement]) => left.replace(shape, replacement), text);
}

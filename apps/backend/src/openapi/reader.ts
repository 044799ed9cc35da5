import { createHash } from 'node:crypto';
import type { OpenApiDocument, Operation, Parameter } from './document.ts';
import { READER_STYLE } from './reader-style.ts';
import type { JsonSchema } from './schemas.ts';

/** Nothing is loaded and nothing runs: the page is its own text and one style sheet, known by its hash. */
export const READER_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(READER_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The description as one page that a browser shows without a network and without scripts. */
export function readerPage(document: OpenApiDocument): string {
  const { title, version, description } = document.info;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<section id="tag-${text(name)}"><h2>${text(name)}</h2>${own.map(operationPart).join('')}</section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${text(title)} API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${READER_STYLE}</style></head><body>
<h1>${text(title)} API <small>${text(version)}</small></h1>${prose(description)}
<p>For programs: <a href="/openapi.json"><code>/openapi.json</code></a>, OpenAPI ${text(document.openapi)}.</p>
<nav><ul>${document.tags.map(({ name }) => `<li><a href="#tag-${text(name)}">${text(name)}</a></li>`).join('')}
<li><a href="#schemas">schemas</a></li></ul></nav>
${groups.join('\n')}
<section id="schemas"><h2>schemas</h2>${Object.entries(document.components.schemas).map(schemaPart).join('')}</section>
</body></html>
`;
}

function operationPart({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: Operation;
}): string {
  const keys = operation.security.flatMap((scheme) => Object.keys(scheme));
  const body = operation.requestBody;
  return `<details id="${text(operation.operationId)}"><summary><span class="method">${method}</span>
<code>${text(path)}</code> ${text(operation.summary)}</summary>
${operation.description === undefined ? '' : prose(operation.description)}
<p class="keys">Key: ${keys.length === 0 ? 'none' : keys.map((key) => `<code>${text(key)}</code>`).join(' or ')}. Operation: <code>${text(operation.operationId)}</code></p>
${parameterTable(operation.parameters)}
${body === undefined ? '' : `<h4>Body${body.required ? '' : ' (optional)'}</h4>${contentPart(body.content)}`}
<h4>Answers</h4>${responseTable(operation.responses)}</details>`;
}

function parameterTable(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(
    ({ name, in: place, required, description = '', schema }) =>
      `<tr><td><code>${text(name)}</code></td><td>${place}${required ? ', required' : ''}</td>
<td>${typeWords(schema)}</td><td>${phrase(description)}</td></tr>`,
  );
  return `<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>${rows.join('')}</table>`;
}

function responseTable(responses: Operation['responses']): string {
  const rows = Object.entries(responses).map(([status, response]) => {
    const content = (response['content'] ?? {}) as Record<string, { schema: JsonSchema }>;
    const types = Object.entries(content).map(
      ([media, { schema }]) => `${text(media)}: ${typeWords(schema)}`,
    );
    const words =
      typeof response['$ref'] === 'string' ? 'Refused: <a href="#schema-ErrorBody">ErrorBody</a>' : '';
    return `<tr><td>${status}</td><td>${phrase(String(response['description'] ?? ''))}${words} ${types.join(', ')}</td></tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

function contentPart(content: NonNullable<Operation['requestBody']>['content']): string {
  const parts = Object.entries(content).map(([media, { schema, example }]) => {
    const shown = example === undefined ? '' : `<p>Example:</p><pre>${json(example)}</pre>`;
    const known = typeof schema['$ref'] === 'string' ? '' : `<pre>${json(schema)}</pre>`;
    return `<p><code>${text(media)}</code>: ${typeWords(schema)}</p>${known}${shown}`;
  });
  return parts.join('');
}

function schemaPart([name, schema]: readonly [string, JsonSchema]): string {
  // The link leads to what is inside, for that makes a browser open what is around it.
  return `<details><summary><code>${text(name)}</code></summary><pre id="schema-${text(name)}">${json(schema)}</pre></details>`;
}

/** The type of a schema in a few words, with a link where it has a name. */
function typeWords(schema: JsonSchema): string {
  const name = /^#\/components\/schemas\/(.*)$/.exec(String(schema['$ref'] ?? ''))?.[1];
  if (name !== undefined) return `<a href="#schema-${text(name)}">${text(name)}</a>`;
  const { type, format, items, default: fallback } = schema;
  const values = schema['enum'] as unknown[] | undefined;
  const words = [
    values === undefined
      ? text(String(format ?? type ?? 'any'))
      : values.map((value) => json(value)).join(' | '),
    type === 'array' && typeof items === 'object' ? `of ${typeWords(items as JsonSchema)}` : '',
    fallback === undefined ? '' : `= ${json(fallback)}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** Paragraphs. */
function prose(words: string): string {
  const paragraphs = words.split(/\n\s*\n/);
  return paragraphs.map((each) => `<p>${phrase(each)}</p>`).join('');
}

/** Words, those between backticks as code. */
function phrase(words: string): string {
  return text(words).replace(/`([^`]*)`/g, '<code>$1</code>');
}

function json(value: unknown): string {
  return text(JSON.stringify(value, null, 2));
}

function text(raw: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return raw.replace(/[&<>"']/g, (character) => entities[character]!);
}

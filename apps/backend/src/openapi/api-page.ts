import { errorCodes } from '@longshore/contracts';
import type { OpenApiDocument } from './document.ts';

const INTRODUCTION = `# The HTTP API

A running platform describes its whole public API at \`/openapi.json\` (OpenAPI 3.1) and shows it at \`/docs\`, which needs
no network and no script. \`libs/client\` is a typed client of it. This page lists what there is; it is written from the
table of routes by \`node apps/backend/src/openapi/write-docs.ts\`.

## Rules that hold everywhere

- **Keys.** \`Authorization: Bearer <key>\`. A key of an organisation sees that organisation and no other; what is not its
  own is not found. An admin key sees all; \`?organisation=\` narrows a list, and names the organisation of one thing
  (default: \`default\`).
- **Lists** answer at most \`limit\` items (1 to 1000, default 100) and \`next_cursor\`. Give that as \`cursor\` for the next
  page; null means that there is none. A cursor stands for a place between two items: what is added or removed
  meanwhile neither repeats nor hides others. Executions come newest first.
- **Searching executions.** \`status\`, \`api_name\`, \`tag\`, \`since\`, \`until\` and \`q\` are combined. \`q\` is how the name of
  one of the files begins, in upper or lower case, or the id, from eight hexadecimal digits on.
- **Reads** under \`/api/v1\` carry an \`ETag\`. Sent back as \`If-None-Match\` it is answered with 304 as long as nothing
  changed.
- **Results.** The polling read of a deployment hands its result out once; \`GET /api/v1/executions/{id}\` as often as
  wanted.
- **Browsers** may call from the pages named in \`CORS_ORIGINS\`; without it from none.
- **Refusals** have one body: \`{"type", "errors": [{"code", "detail", "attr"}]}\`. \`attr\` names the field, \`code\` is one of
  the table below. 429 and 503 say in \`Retry-After\` how many seconds to wait. \`X-Request-Id\` names the request in
  the log.
`;

/** The page \`docs/api.md\`. */
export function apiPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [
      `\`${method.toUpperCase()} ${path}\``,
      operation.summary,
      operation.security.flatMap((scheme) => Object.keys(scheme)).join(' or ') || 'none',
      `\`${operation.operationId}\``,
    ]),
  );
  const codes = Object.entries(errorCodes).map(([code, status]) => [`\`${code}\``, String(status)]);
  return [
    INTRODUCTION,
    '## Routes\n',
    ...table(['Route', 'What it does', 'Key', 'Operation'], operations.sort(byText)),
    '\n## Codes of refusals\n',
    ...table(['Code', 'Status'], codes),
    '',
  ].join('\n');
}

function byText([one = '']: readonly string[], [other = '']: readonly string[]): number {
  const path = (cell: string) => cell.replace(/^`\w+ /, '');
  return path(one) < path(other) ? -1 : path(one) > path(other) ? 1 : one < other ? -1 : 1;
}

/** Columns as wide as their widest cell, as the formatter of the repository wants them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

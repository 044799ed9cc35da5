import type { FormField, Line, ReadDocument, Table } from '../document.ts';
import { lazy } from '../lazy.ts';

/** One document of several, one after the other; each begins on a page of its own. */
export function joinDocuments(
  head: Omit<ReadDocument, 'text' | 'lines' | 'tables' | 'pageCount'>,
  parts: readonly ReadDocument[],
): ReadDocument {
  const lines = lazy(() => joinedLines(parts));
  const tables = lazy(() => joinedTables(parts));
  return {
    ...head,
    fields: joinedFields(parts),
    text: parts
      .map(({ text }) => text.trimEnd())
      .filter((text) => text !== '')
      .join('\n\n'),
    pageCount: parts.reduce((sum, { pageCount }) => sum + pageCount, 0),
    get lines() {
      return lines();
    },
    get tables() {
      return tables();
    },
  };
}

function joinedLines(parts: readonly ReadDocument[]): Line[] {
  const joined: Line[] = [];
  let before = 0;
  for (const { lines, pageCount } of parts) {
    for (const line of lines) joined.push({ ...line, page: line.page + before });
    before += pageCount;
  }
  return joined;
}

function joinedFields(parts: readonly ReadDocument[]): FormField[] {
  const joined: FormField[] = [];
  let before = 0;
  for (const { fields = [], pageCount } of parts) {
    for (const field of fields) joined.push({ ...field, page: field.page + before });
    before += pageCount;
  }
  return joined;
}

function joinedTables(parts: readonly ReadDocument[]): Table[] {
  const joined: Table[] = [];
  let before = 0;
  for (const { tables, pageCount } of parts) {
    for (const table of tables)
      joined.push(table.page === undefined ? table : { ...table, page: table.page + before });
    before += pageCount;
  }
  return joined;
}

/** Segments and cells of a document, as budgets count them. */
export function piecesOf({ lines, tables }: ReadDocument): number {
  const segments = lines.reduce((sum, line) => sum + 1 + line.segments.length, 0);
  return tables.reduce((sum, table) => table.rows.reduce((cells, row) => cells + row.length, sum), segments);
}

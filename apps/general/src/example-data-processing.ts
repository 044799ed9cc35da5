import { defineTask, TaskError } from '@longshore/tasks';
import { z } from 'zod';
import { parseCsv } from './csv.ts';

const inputSchema = z.strictObject({
  csv: z.string().max(5_000_000).describe('text with a line of column names first'),
  group_by: z.string().min(1).describe('column whose values make the groups'),
  sum: z.string().min(1).describe('column of numbers to add up'),
  separator: z.string().length(1).default(','),
});

interface Group {
  rows: number;
  sum: number;
}

/** Adds up one column of a csv text, in all and by the values of another. */
export const exampleDataProcessing = defineTask({
  name: 'example_data_processing',
  group: 'Examples',
  description: 'Sums and groups a csv text.',
  input: inputSchema,
  maxAttempts: 1,
  handler: (input) => summarise(input),
});

/** @throws {TaskError} that names the column or the line that is wrong */
export function summarise({ csv, group_by, sum, separator }: z.infer<typeof inputSchema>) {
  const [header = [], ...rows] = parseCsv(csv, separator);
  const groupAt = columnOf(header, group_by);
  const sumAt = columnOf(header, sum);
  const groups = new Map<string, Group>();
  let total = 0;
  rows.forEach((row, index) => {
    const value = numberIn(row[sumAt], `"${sum}" in row ${index + 2}`);
    const group = groups.get(row[groupAt] ?? '') ?? { rows: 0, sum: 0 };
    groups.set(row[groupAt] ?? '', { rows: group.rows + 1, sum: group.sum + value });
    total += value;
  });
  return { rows: rows.length, sum: total, groups: Object.fromEntries(groups) };
}

function columnOf(header: readonly string[], name: string): number {
  const index = header.indexOf(name);
  if (index >= 0) return index;
  const known = header.join(', ') || 'none';
  throw new TaskError('no_column', `There is no column "${name}"; there are: ${known}`, { retryable: false });
}

function numberIn(text: string | undefined, where: string): number {
  const value = Number(text?.trim() || Number.NaN);
  if (Number.isFinite(value)) return value;
  throw new TaskError('no_number', `${where} is no number: "${text ?? ''}"`, { retryable: false });
}

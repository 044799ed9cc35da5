import type { ExecutionDetail, FileResult, JsonValue } from '@longshore/contracts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { table } from './table.ts';

/**
 * What was found in each file, one line a file, and below it why files failed. `order` names the fields that come first, for
 * the database does not keep the order of keys.
 */
export function resultLines(
  { result, error, status, skipped }: Pick<ExecutionDetail, 'result' | 'error' | 'status' | 'skipped'>,
  look: Look = {},
  order: readonly string[] = [],
): string[] {
  const results = result ?? [];
  const failed = results.filter((one) => one.status === 'Failed');
  const reasons = failed.map((one) => `  ${one.file}: ${one.error ?? 'no reason given'}`);
  return [
    ...fieldTable(
      results.filter((one) => one.status === 'Success'),
      { look, order },
    ),
    ...skippedLines(skipped),
    ...(reasons.length === 0
      ? []
      : ['', painted(`${count(reasons.length, 'file')} failed:`, 'bad', look), ...reasons]),
    ...(status === 'COMPLETED'
      ? []
      : [
          '',
          `The execution ended as ${painted(status, stateMeaning(status), look)}${error === null ? '' : `: ${error.replace(/\.$/, '')}`}.`,
        ]),
  ];
}

/** Of a pipeline; a full source that was read before would fill pages. */
function skippedLines(skipped: ExecutionDetail['skipped']): string[] {
  const told = Object.entries(skipped ?? {}).filter(([, files]) => files > 0);
  if (told.length === 0) return [];
  const total = told.reduce((sum, [, files]) => sum + files, 0);
  const reasons = told.map(([reason, files]) => `${files} ${reason.replaceAll('_', ' ')}`);
  return ['', `${count(total, 'file')} skipped: ${reasons.join(', ')}.`];
}

function fieldTable(
  results: readonly FileResult[],
  { look: { columns }, order }: { look: Look; order: readonly string[] },
): string[] {
  const rows = results.map((one) => ({ file: one.file, fields: fieldsOf(one.result?.output ?? null) }));
  const found = new Set(rows.flatMap(({ fields }) => Object.keys(fields)));
  const names = [
    ...order.filter((name) => found.has(name)),
    ...[...found].filter((name) => !order.includes(name)),
  ];
  const cells = rows.map(({ file, fields }) => [file, ...names.map((name) => shown(fields[name]))]);
  return table(['FILE', ...names], cells, { columns });
}

function fieldsOf(output: JsonValue): Record<string, JsonValue> {
  return typeof output === 'object' && output !== null && !Array.isArray(output) ? output : { output };
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '-';
  if (Array.isArray(value)) {
    const isFlat = value.every((item) => typeof item !== 'object');
    return isFlat ? value.map(String).join(', ') : count(value.length, 'row');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

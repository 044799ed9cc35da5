import {
  openTable,
  TableError,
  type OpenTable,
  type PostgresSecret,
  type RowValues,
} from '@longshore/connectors';
import type { PipelineFile, PipelineResult, PostgresqlDestination } from '@longshore/contracts';
import { credentialOf } from './credentials.ts';
import {
  destinationError,
  type DeliveryOptions,
  type DestinationFailure,
  type ResultWriter,
} from './deliver.ts';
import { tableFields } from './table-fields.ts';

/** One row per file and execution, in a table of PostgreSQL. @throws TaskError when the table cannot be used */
export async function tableWriter(
  destination: PostgresqlDestination,
  options: DeliveryOptions,
): Promise<ResultWriter> {
  const { means, context } = options;
  const leave = await means.connections.take(context.signal);
  try {
    const table = await open(destination, options);
    return {
      write: (file, result) => table.write(valuesOf(options, file, result)),
      failureOf,
      async close() {
        await table.close().finally(leave);
      },
    };
  } catch (error) {
    leave();
    const failure = failureOf(error);
    throw failure === null ? error : destinationError(failure, error);
  }
}

async function open(
  { credential, schema = 'public', table, columns }: PostgresqlDestination,
  { means, context }: DeliveryOptions,
): Promise<OpenTable> {
  const { values } = await credentialOf(context, credential, ['postgresql']);
  const fields = tableFields(await context.workflowDefinition());
  return await openTable({
    ...{ schema, table, fields, mapping: columns ?? null, signal: context.signal },
    secret: values as unknown as PostgresSecret,
    guard: { hosts: means.databases },
  });
}

function failureOf(error: unknown): DestinationFailure | null {
  if (!(error instanceof TableError)) return null;
  const { problem, message } = error;
  return {
    about: problem === 'row' ? 'file' : 'destination',
    message,
    retryable: problem === 'unavailable',
  };
}

/** Facts of a row by their names, and fields of the result by theirs. */
function valuesOf(
  { pipelineId, context }: DeliveryOptions,
  { path, size, sha256 }: PipelineFile,
  { output, problems }: PipelineResult,
): RowValues {
  const facts: Readonly<Record<string, unknown>> = {
    ...{ $execution_id: context.run.executionId, $pipeline_id: pipelineId, $file: path, $sha256: sha256 },
    ...{ $size: size, $output: output, $problems: problems },
  };
  const isObject = typeof output === 'object' && output !== null && !Array.isArray(output);
  const fields: Readonly<Record<string, unknown>> = isObject ? output : {};
  return (what) => {
    if (what.startsWith('$')) return facts[what];
    return Object.hasOwn(fields, what) ? fields[what] : null;
  };
}

import { FolderError, openFolderDestination } from '@longshore/connectors';
import {
  destinationError,
  type DeliveryOptions,
  type DestinationFailure,
  type ResultWriter,
} from './deliver.ts';
import { resultDocument } from './result-document.ts';

/** One JSON document per file, in a folder. @throws TaskError when the folder cannot be used */
export async function folderWriter(
  { path }: { path: string },
  { pipelineId, means: { folders }, context }: DeliveryOptions,
): Promise<ResultWriter> {
  const { executionId } = context.run;
  const folder = await openFolderDestination({ folders, path, owner: executionId }).catch(
    (error: unknown) => {
      throw destinationError(wholeFailure(error), error);
    },
  );
  return {
    write: (file, result) =>
      folder.write(
        `${file.path}.json`,
        resultDocument({ pipelineId, executionId }, file, result),
        context.signal,
      ),
    failureOf: (error) =>
      error instanceof FolderError
        ? { about: 'file', message: error.message, retryable: false }
        : { about: 'destination', ...wholeFailure(error) },
    close: () => folder.close(),
  };
}

function wholeFailure(error: unknown): Pick<DestinationFailure, 'message' | 'retryable'> {
  const { code, message } = error as NodeJS.ErrnoException;
  const refused = error instanceof FolderError && error.problem === 'not_allowed';
  return { message: error instanceof FolderError ? message : (code ?? message), retryable: !refused };
}

import { openS3Destination, S3Error, type S3Secret } from '@longshore/connectors';
import type { S3Place } from '@longshore/contracts';
import { credentialOf } from './credentials.ts';
import type { DeliveryOptions, ResultWriter } from './deliver.ts';
import { resultDocument } from './result-document.ts';

/** One JSON document per file, as an object of a bucket. */
export async function bucketWriter(
  { credential, prefix, ...place }: S3Place,
  { pipelineId, means: { web }, context }: DeliveryOptions,
): Promise<ResultWriter> {
  const { executionId } = context.run;
  const { values } = await credentialOf(context, credential, ['s3']);
  const bucket = await openS3Destination({ place, prefix, web, secret: values as unknown as S3Secret });
  return {
    write: (file, result) =>
      bucket.write(
        `${file.path}.json`,
        resultDocument({ pipelineId, executionId }, file, result),
        context.signal,
      ),
    failureOf(error) {
      if (!(error instanceof S3Error)) return null;
      const { problem, message } = error;
      const about = problem === 'unusable' ? 'file' : 'destination';
      return { about, message, retryable: problem === 'unavailable' };
    },
    close: () => Promise.resolve(),
  };
}

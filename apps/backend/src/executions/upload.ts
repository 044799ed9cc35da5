import { apiError } from '@longshore/contracts';
import type { Request } from 'express';
import { readMultipart, type ReceivedForm } from './multipart.ts';
import { requestTooLarge, type UploadLimits } from './upload-limits.ts';
import type { UploadWriter } from './upload-writer.ts';

/**
 * Streams the files of a multipart request to the writer; the rest of the form is the answer. When it throws, the
 * rest of the request is left unread, and the writer is to be discarded.
 *
 * @throws ApiError 413 for a file or request that is too large, 400 for too many files or a malformed body, 415
 * for anything that is not multipart/form-data.
 */
export async function receiveUpload(
  request: Request,
  writer: UploadWriter,
  limits: UploadLimits,
): Promise<ReceivedForm> {
  refuseByHeaders(request, limits);
  request.setTimeout(limits.stalledMs);
  try {
    return await readMultipart(request, limits, writer.write);
  } finally {
    request.setTimeout(0);
  }
}

function refuseByHeaders(request: Request, { maxRequestBytes }: UploadLimits): void {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) {
    throw apiError('unsupported_media_type', 'Send multipart/form-data with a field "files"');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxRequestBytes)
    throw requestTooLarge(maxRequestBytes);
}

export {
  createClient,
  type CallSettings,
  type Client,
  type ClientOptions,
  type PagedOperation,
  type Submission,
} from './client.ts';
export { multipartOf, type MultipartRequest } from './multipart.ts';
export { LongshoreError } from './errors.ts';
export type { Answer, Input, OperationName } from './operation-types.ts';

export type { ApiClient } from './api-client.ts';
export { createApiClient } from './api-client.ts';
export type { BackendClient, BackendClientOptions } from './backend-client.ts';
export { createBackendClient } from './backend-client.ts';
export type { Batcher, BatcherOptions } from './batcher.ts';
export { createBatcher } from './batcher.ts';
export type { Call, CallOptions, CallSettings } from './caller.ts';
export {
  BackendUnavailableError,
  isRetryable,
  isUnavailable,
  TooManyBytesError,
  UnexpectedAnswerError,
} from './errors.ts';

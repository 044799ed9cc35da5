export type { ApiClient } from './api-client.ts';
export { createApiClient } from './api-client.ts';
export type { BackendClient, BackendClientOptions } from './backend-client.ts';
export { createBackendClient } from './backend-client.ts';
export type { Call, CallOptions, CallSettings } from './caller.ts';
export {
  BackendUnavailableError,
  isRetryable,
  isUnavailable,
  TooManyBytesError,
  UnexpectedAnswerError,
} from './errors.ts';
